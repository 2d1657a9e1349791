// Shows a field that depends on others only while those say so. Without this every field is there, and its help says when
// it counts.
function answer(form, name) {
  const field = form.elements.namedItem(name);
  if (!field) return '';
  if (field.type === 'checkbox') return String(field.checked);
  return field.value;
}

// A field that depends on one which is not asked itself is not asked either: those stand before it.
function isAsked(form, part) {
  return JSON.parse(part.dataset.when).every(([name, texts, negated]) => {
    const other = form.elements.namedItem(name);
    const element = other instanceof RadioNodeList ? other[0] : other;
    if (element?.closest('[data-when]')?.hidden) return false;
    return texts.includes(answer(form, name)) !== negated;
  });
}

function update(form) {
  for (const part of form.querySelectorAll('[data-when]')) {
    part.hidden = !isAsked(form, part);
    for (const field of part.querySelectorAll('input, select, textarea')) {
      // A browser would insist on what nobody sees.
      field.disabled = part.hidden;
      if (field.type !== 'checkbox') field.required = 'required' in part.dataset;
    }
  }
}

function start() {
  for (const form of document.forms) update(form);
}

document.addEventListener('input', (event) => event.target.form && update(event.target.form));
document.addEventListener('htmx:after:swap', start);
start();
