// Shows a field that depends on another only while that one says so. Without this every field is there, and its help
// says when it counts.
function answer(form, name) {
  const field = form.elements.namedItem(name);
  if (!field) return '';
  if (field.type === 'checkbox') return String(field.checked);
  return field.value;
}

function update(form) {
  for (const part of form.querySelectorAll('[data-when]')) {
    part.hidden = answer(form, part.dataset.when) !== part.dataset.value;
  }
}

function start() {
  for (const form of document.forms) update(form);
}

document.addEventListener('input', (event) => event.target.form && update(event.target.form));
document.addEventListener('htmx:after:swap', start);
start();
