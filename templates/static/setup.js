// The setup link has its token behind the #, where no server log sees it. It goes into the form's field, and out of
// the address bar, so that neither the history nor a glance at the screen keeps it.
const field = document.getElementById('f-token');
const token = decodeURIComponent(location.hash.slice(1)).replace(/^token=/, '');
if (token) {
  field.value = token;
  history.replaceState(null, '', location.pathname);
}
// Who came by the link has nothing to paste; a refused token must be seen.
if (field.value && field.getAttribute('aria-invalid') !== 'true') {
  document.getElementById('token-field').hidden = true;
}
