// The day of a practice: arrows, a letter for each act, a panel beside, news by themselves. Each page works without it.
(() => {
  const $ = id => document.getElementById(id), board = $('tableau')
  const on = (what, how) => document.addEventListener(what, how)
  const cells = () => [...board.querySelectorAll('.case')]
  const column = of => cells().filter(c => c.dataset.c === of.dataset.c)
  const top = c => c.getBoundingClientRect().top
  let here, last

  // One stop for Tab in the whole table; arrows go on from there.
  const rove = to => {
    cells().forEach(c => { c.tabIndex = c === to ? 0 : -1 })
    here = to && to.id
  }
  const pick = to => {
    const run = column($(here) || to), from = run.indexOf($(here)), until = run.indexOf(to)
    cells().forEach(c => c.parentNode.classList.toggle('picked', !!last && run.indexOf(c) >= from && run.indexOf(c) <= until && !!c.dataset.b))
  }
  const go = to => { if (to) { last = null; rove(to); pick(to); to.focus() } }
  const beside = (c, step) => {
    const next = cells().filter(o => +o.dataset.c === +c.dataset.c + step && o.offsetParent)
    return next.filter(o => top(o) <= top(c) + 1).pop() || next[0]
  }

  // A cell's page, beside the table where there is room for it.
  const show = url => {
    const panel = $('panneau')
    if (!panel || innerWidth < 1024) { location.href = url; return }
    fetch(url).then(a => a.text()).then(html => {
      const page = new DOMParser().parseFromString(html, 'text/html').querySelector('#fiche')
      if (!page) { location.href = url; return }
      page.querySelectorAll('h1').forEach(h => { const t = document.createElement('h2'); t.tabIndex = -1; t.append(...h.childNodes); h.replaceWith(t) })
      panel.replaceChildren(page)
      panel.hidden = false
      panel.parentNode.classList.add('with-panel')
      cells().forEach(c => c.parentNode.classList.toggle('open', c.id === here))
      if ($(here)) $(here).scrollIntoView({block: 'nearest', inline: 'nearest'})
      ;(page.querySelector('[data-premier]') || page.querySelector('h2')).focus()
    }).catch(() => { location.href = url })
  }
  const note = (url, state) => {
    const form = $('noter')
    form.action = url
    form.elements.state.value = state
    form.submit()
  }

  // X cuts an appointment, V drops it on a free slot: of this day or another. Only its address is kept, in this tab.
  const cut = url => {
    if (url) sessionStorage.cut = url; else delete sessionStorage.cut
    $('coupe').textContent = url ? $('coupe').dataset.dit : ''
    cells().forEach(c => c.parentNode.classList.toggle('cut', !!url && c.dataset.x === url))
  }
  const drop = slot => {
    const form = $('deposer')
    form.action = sessionStorage.cut
    form.elements.creneau.value = slot
    cut()
    form.submit()
  }

  const STATES = {a: 'arrived', v: 'seen', n: 'missed', c: 'expected'}
  const inTable = (c, key) => {
    const at = c.dataset
    if (at.etat && STATES[key]) note(at.etat, STATES[key])
    else if (key === 'b' && at.b) show(at.b + (last ? '?jusqua=' + last.slice(2) : ''))
    else if (key === 'r' && at.r) location.href = at.r
    else if (key === 'x' && at.x) cut(at.x)
    else if (key === 'v' && at.v && sessionStorage.cut) drop(at.v)
    else if (key === 'escape' && sessionStorage.cut) cut()
    else if (key === 'o' && at.o) show(at.o)
    else if (key === 'z') { const undo = document.querySelector('[data-touche=z]'); if (undo) undo.click() }
    else return false
    return true
  }
  const arrow = (c, e) => {
    const run = column(c), at = run.indexOf(c)
    if (e.key === 'ArrowDown' && e.shiftKey) {
      const next = run[run.indexOf(last ? $(last) : c) + 1]
      if (next) { last = next.id; pick(next) }
    } else if (e.key === 'ArrowDown') go(run[at + 1])
    else if (e.key === 'ArrowUp') go(run[at - 1])
    else if (e.key === 'ArrowRight') go(beside(c, 1))
    else if (e.key === 'ArrowLeft') go(beside(c, -1))
    else if (e.key === 'Home') go(run[0])
    else if (e.key === 'End') go(run[run.length - 1])
    else return false
    return true
  }

  on('keydown', e => {
    if (e.ctrlKey || e.altKey || e.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return
    const c = e.target.closest('.case'), page = e.target.closest('#fiche'), key = e.key.toLowerCase()
    let hit = false
    if (e.key === 'F2' && board) { go($(here)); hit = true }
    else if (e.repeat && !/^Arrow/.test(e.key)) return
    else if (c) hit = arrow(c, e) || inTable(c, key)
    else if (page && key === 'escape') go($(here))
    else if (page) {
      const to = page.querySelector(`[data-touche="${CSS.escape(key)}"]`)
      if (to) { to.click(); hit = true }
    }
    if (hit) e.preventDefault()
  })
  if (!board) { const first = document.querySelector('.errors, #fiche [data-premier], #fiche h1'); if (first) first.focus(); return }

  on('click', e => {
    const c = e.target.closest('.case')
    if (!c || e.ctrlKey || e.shiftKey || e.metaKey) return
    e.preventDefault()
    rove(c)
    show(c.href)
  })
  const start = () => { rove($(here) || board.querySelector('[data-suivant]') || cells()[0]); cut(sessionStorage.cut) }
  start()
  const back = $(location.hash.slice(1))
  if (back && back.matches('.case')) go(back)

  // What changed comes by itself; the cell that has focus keeps it.
  setInterval(() => {
    if (document.visibilityState !== 'visible') return
    fetch(location.href, {headers: {'X-Vu': board.dataset.vu}}).then(a => a.status === 200 ? a.text() : '').then(html => {
      const page = html && new DOMParser().parseFromString(html, 'text/html')
      if (!page || !page.querySelector('#tableau')) return
      const had = document.activeElement.closest('.case') && document.activeElement.id
      for (const id of ['compte', 'nouveaux', 'tableau', 'actions']) $(id).innerHTML = page.getElementById(id).innerHTML
      board.dataset.vu = page.getElementById('tableau').dataset.vu
      start()
      if (had && $(had)) $(had).focus()
    }).catch(() => {})
  }, 15000)
})()
