// Keys, autosave, focus after an answer. Each form works without it.
(() => {
  const $ = id => document.getElementById(id)
  const form = $('appel'), on = (where, what, how) => where.addEventListener(what, how)
  document.documentElement.classList.add('js')

  // By place: the digits of AZERTY are not where they are typed.
  const off = () => localStorage.touches === 'non'
  const box = $('touches')
  const show = () => { document.body.classList.toggle('no-keys', off()); if (box) box.checked = !off() }
  if (box) on(box, 'change', () => { localStorage.touches = box.checked ? 'oui' : 'non'; show() })
  show()

  const go = to => {
    if (!to || to.disabled) return
    to.focus()
    if (to.select && to.type !== 'radio' && to.type !== 'checkbox') to.select()
  }
  const press = to => {
    if (!to) return false
    if (/^(BUTTON|A)$/.test(to.tagName)) {
      if (to.disabled) go($((document.querySelector('.missing a') || {hash: '#creneau-1'}).hash.slice(1)))
      else to.click()
    } else { if (to.type === 'radio') to.click(); go(to) }
    return true
  }
  const none = () => {
    const next = [...document.querySelectorAll('[data-aucun]')].find(e => !e.checked && !e.closest('fieldset').querySelector('[name=signe]:checked'))
    if (next) { next.click(); next.scrollIntoView({block: 'nearest'}) }
  }
  on(document, 'keydown', e => {
    if (e.repeat) return
    if (e.key === 'Enter' && !e.ctrlKey && form && e.target.form === form && e.target.tagName === 'INPUT') {
      e.preventDefault()
      return send(e.target.dataset.entree || '')
    }
    if (off()) return
    const name = (e.ctrlKey ? 'Ctrl+' : '') + (e.altKey ? 'Alt+' : '') + (e.code === 'NumpadEnter' ? 'Enter' : e.code)
    if (/^(Alt|Ctrl|F\d)/.test(name)) {
      const hits = name === 'Alt+KeyA' ? (none(), true) : press([...document.querySelectorAll(`[data-touche="${name}"]`)].pop())
      if (hits) e.preventDefault()
    } else read(e)
  })

  // One question after the other: O, N, ? or a digit answers and goes on; Backspace goes back.
  const read = e => {
    const here = e.target.closest && e.target.closest('[data-question]')
    if (!here || e.ctrlKey || e.metaKey || e.target.type === 'text') return
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(e.code)
    const value = {o: 'yes', n: 'no', '?': 'unknown', ',': 'unknown'}[e.key.toLowerCase()]
    const all = [...document.querySelectorAll('[data-question]')], at = all.indexOf(here)
    const first = q => q && q.querySelector('input:not([type=hidden])')
    const radios = [...here.querySelectorAll('input[type=radio]')]
    const hit = digit ? radios[digit[1] - 1] : value && radios.find(r => r.value === value)
    if (e.key === 'Backspace') { e.preventDefault(); return go(first(all[at - 1])) }
    if (!hit) return
    e.preventDefault()
    hit.click()
    go(first(all[at + 1]) || hit)
  }

  // The address on the page of a transfer is kept as it is typed.
  const place = form ? null : $('adresse')
  if (place) {
    const kept = xhr => xhr.responseText.includes('id="dit-adresse"')
    on(place, 'htmx:beforeSwap', e => { e.detail.shouldSwap = kept(e.detail.xhr); e.detail.isError = false })
    on(place, 'htmx:afterRequest', e => {
      const xhr = e.detail.xhr
      if (kept(xhr)) return
      $('dit-adresse').lastElementChild.textContent = place.dataset[xhr.status && xhr.status < 500 ? 'login' : 'lost']
      setTimeout(() => htmx.trigger(place, 'change'), 5000)
    })
    on(document, 'visibilitychange', () => {
      if (document.visibilityState !== 'hidden' || place.value === $('adresse-vue').value) return
      fetch(place.form.action, {method: 'POST', body: new URLSearchParams(new FormData(place.form)), keepalive: true}).catch(() => {})
    })
  }

  if (!form) return

  // The question that is read grows; under a mouse nothing may move.
  let mouse = false
  on(document, 'pointerdown', () => { mouse = true })
  on(document, 'keydown', () => { mouse = false })
  on(form, 'focusin', e => {
    document.querySelectorAll('.now').forEach(q => q.classList.remove('now'))
    const q = e.target.closest('[data-question]')
    if (q && !mouse) q.classList.add('now')
  })

  // Autosave: htmx sends one request at a time.
  const ours = ['version', 'vu', 'csrf_token', 'reference']
  const text = () => [...new FormData(form)].filter(([k]) => !ours.includes(k)).join('\n')
  let sent = text(), busy = false, wanted
  const send = what => { wanted = what; htmx.trigger(form, 'vite', {faire: what}) }
  const say = what => { $('etat').textContent = what }

  on(form, 'input', e => {
    const box = e.target
    if (box.name === 'signe' && box.checked) box.closest('fieldset').querySelectorAll('[data-aucun]:checked').forEach(n => { n.checked = false })
    if (box.dataset.aucun !== undefined && box.checked) box.closest('fieldset').querySelectorAll('[name=signe]:checked').forEach(n => { n.checked = false })
    clearTimeout(form.soon)
    if (box.id === 'cherche') form.soon = setTimeout(() => send(''), 150)
  })
  // Locked by hand: the page leaves whole, past htmx.
  on(document, 'click', e => {
    const lock = e.target.closest('[data-verrou]')
    if (!lock) return
    e.preventDefault()
    form.append(Object.assign(document.createElement('input'), {type: 'hidden', name: lock.name, value: lock.value}))
    form.action = lock.formAction
    form.submit()
  })
  on(form, 'htmx:configRequest', e => {
    const why = e.detail.triggeringEvent || {}, button = why.type === 'submit' && why.submitter
    e.detail.parameters.faire = button ? button.value : (why.detail && why.detail.faire) || ''
  })
  on(form, 'htmx:beforeRequest', e => {
    const what = e.detail.requestConfig.parameters.faire, now = text()
    if (!what && now === sent) return e.preventDefault()
    if (what !== 'voir') sent = now
    busy = true
  })
  on(form, 'htmx:afterRequest', e => {
    busy = false
    const xhr = e.detail.xhr, kept = xhr.getResponseHeader('X-Kept')
    if (xhr.status === 200 && kept) return kept === '0' && (sent = '')
    // The session rests, or is another: the page goes whole.
    if (xhr.getResponseHeader('X-Locked') || xhr.status === 400) return form.submit()
    sent = ''
    say(form.dataset[xhr.status && xhr.status < 500 ? 'login' : 'lost'])
    setTimeout(() => send(''), 5000)
  })
  // Answered while a piece was on its way: it waits, or the answer were gone.
  on(document, 'htmx:oobBeforeSwap', e => {
    if (sent && [...e.detail.target.querySelectorAll('[name]:is(:checked, [type^=te])')].some(i => !sent.includes(`${i.name},${i.value}`))) e.detail.shouldSwap = false
  })
  // What is kept is read out: it comes into sight when it appears.
  let kept = ''
  on(form, 'htmx:afterSettle', () => {
    const now = (document.querySelector('.kept .script') || {}).textContent || ''
    if (now && now !== kept) document.querySelector('.offers').scrollTop = 0
    kept = now
  })
  on(document, 'va', e => {
    const to = $(e.detail.a)
    if (e.detail.a !== 'cherche') $('cherche').value = ''
    if (to) { go(to); to.scrollIntoView({block: 'nearest'}) }
  })

  // Hidden or closed: what was typed since leaves now.
  on(document, 'visibilitychange', () => {
    if (document.visibilityState !== 'hidden' || busy || text() === sent || form.elements[0].closest('[disabled]')) return
    sent = text()
    const body = new URLSearchParams(new FormData(form))
    fetch(form.action, {method: 'POST', body, keepalive: true, headers: {'HX-Request': 'true'}})
      .then(a => a.ok && a.headers.get('X-Kept') ? a.text() : Promise.reject())
      .then(html => htmx.swap(form, html, {swapStyle: 'none'})).catch(() => { sent = '' })
  })
  setInterval(() => { if (document.visibilityState === 'visible' && form.elements.reference.value) send('voir') }, 20000)
})()
