// A long list of reasons, made short by what is typed. Without this script the list is whole.
for (const field of document.querySelectorAll('[data-filter]')) {
  const plain = text => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase()
  const lines = [...document.querySelectorAll(`#${field.dataset.filter} .choice`)]
  field.hidden = false
  field.querySelector('input').addEventListener('input', event => {
    const words = plain(event.target.value).split(/\s+/)
    for (const line of lines) {
      const isChosen = line.querySelector('input').checked
      line.hidden = !isChosen && !words.every(word => plain(line.textContent).includes(word))
    }
  })
}
