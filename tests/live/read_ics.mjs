// The instants that ical.js (Thunderbird's parser) and node-ical find in a file, as JSON.
import fs from 'fs'
import ICAL from 'ical.js'
import nodeIcal from 'node-ical'

const raw = fs.readFileSync(process.argv[2], 'utf8')
const inUtc = (...moments) => moments.map(moment => moment.toISOString())
const entries = new ICAL.Component(ICAL.parse(raw)).getAllSubcomponents('vevent').map(e => new ICAL.Event(e))
const others = Object.values(nodeIcal.sync.parseICS(raw)).filter(e => e.type === 'VEVENT')
console.log(JSON.stringify({
  'ical.js': entries.map(e => inUtc(e.startDate.toJSDate(), e.endDate.toJSDate())),
  'node-ical': others.map(e => inUtc(e.start, e.end)),
}))
