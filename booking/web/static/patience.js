// Does the work of a rush's waiting page, in small pieces, then sends the form. Without it the page waits.
(() => {
  const K = [], H = [], rotate = (x, n) => (x >>> n) | (x << (32 - n))
  for (let n = 2; K.length < 64; n++) {
    let isPrime = true
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { isPrime = false; break }
    if (!isPrime) continue
    if (H.length < 8) H.push((Math.sqrt(n) * 4294967296) | 0)
    K.push((Math.cbrt(n) * 4294967296) | 0)
  }
  // SHA-256 of a text so short that it fills one block or two: the first four bytes of it.
  const W = new Int32Array(64)
  const first = text => {
    const blocks = ((text.length + 8) >> 6) + 1, words = new Int32Array(blocks * 16)
    for (let i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3))
    words[text.length >> 2] |= 128 << (24 - 8 * (text.length & 3))
    words[words.length - 1] = text.length * 8
    let s = H.slice()
    for (let at = 0; at < words.length; at += 16) {
      let [a, b, c, d, e, f, g, h] = s
      for (let i = 0; i < 64; i++) {
        if (i < 16) W[i] = words[at + i]
        else {
          const x = W[i - 15], y = W[i - 2]
          W[i] = (W[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)) + W[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10))) | 0
        }
        const t = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0
        const u = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
        h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0
      }
      s = [a, b, c, d, e, f, g, h].map((v, i) => (v + s[i]) | 0)
    }
    return s[0]
  }
  const form = document.getElementById('attente')
  const puzzle = form.elements.patience.value, free = 32 - Number(form.dataset.bits)
  let n = 0
  const piece = () => {
    for (const end = n + 2000; n < end; n++) {
      if (first(`${puzzle}:${n}`) >>> free === 0) {
        form.elements.travail.value = n
        return form.submit()
      }
    }
    setTimeout(piece)
  }
  piece()
})()
