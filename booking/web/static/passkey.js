// Passkeys: the browser's API wants a script. Pages say what to do without it.
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return
  const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  const known = keys => (keys || []).map(key => ({...key, id: bytes(key.id)}))

  const asked = form => {
    const o = JSON.parse(form.dataset.options)
    o.challenge = bytes(o.challenge)
    if (o.user) o.user.id = bytes(o.user.id)
    if (o.excludeCredentials) o.excludeCredentials = known(o.excludeCredentials)
    if (o.allowCredentials) o.allowCredentials = known(o.allowCredentials)
    return {publicKey: o}
  }
  const answer = made => {
    const said = {clientDataJSON: text(made.response.clientDataJSON)}
    for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (made.response[name]) said[name] = text(made.response[name])
    }
    return JSON.stringify({id: made.id, rawId: text(made.rawId), type: made.type, response: said})
  }

  for (const form of document.querySelectorAll('[data-passkey]')) {
    const failed = form.querySelector('[data-failed]')
    form.querySelector('[data-without]').hidden = true
    form.querySelector('[data-with]').hidden = false
    form.addEventListener('submit', e => {
      if (form.elements.passkey.value) return
      e.preventDefault()
      failed.hidden = true
      navigator.credentials[form.dataset.passkey](asked(form)).then(made => {
        form.elements.passkey.value = answer(made)
        form.submit()
      }).catch(() => { failed.hidden = false })
    })
  }
})()
