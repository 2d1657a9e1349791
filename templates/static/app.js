// On every page: the theme button, times in this browser's zone, and care with forms.
import { keep, recall, save, viewer } from './preferences.js';

const root = document.documentElement;
const dark = matchMedia('(prefers-color-scheme: dark)');

function isDark() {
  return root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches;
}

for (const button of document.querySelectorAll('[data-theme-toggle]')) {
  const show = () => button.setAttribute('aria-pressed', String(isDark()));
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    keep('launchpad-theme', root.dataset.theme);
    save({ theme: root.dataset.theme });
    show();
  });
  dark.addEventListener('change', show);
  show();
}

// Chosen here before the account ever had a theme: the account takes it over.
if (viewer && !root.dataset.saved && recall('launchpad-theme') === root.dataset.theme && root.dataset.theme) {
  save({ theme: root.dataset.theme });
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Rewrites the server's UTC times; today's are short. The exact time stays in `datetime` and in the tooltip. */
function localise(part) {
  for (const time of part.querySelectorAll?.('time[datetime]') ?? []) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    const today = when.toDateString() === new Date().toDateString();
    const words = (today ? clock : calendar).format(when);
    // Writing the same again would wake the observer below for ever.
    if (time.textContent !== words) time.textContent = words;
    time.title = calendar.format(when);
  }
}
localise(document);
new MutationObserver((changes) => changes.forEach(({ target }) => localise(target)))
  .observe(document.body, { childList: true, subtree: true });

// A double click must not launch two sessions. Links that open a tab and dialogs are no part of this.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== 'post') return;
  if (form.dataset.confirm && !form.dataset.confirmed) {
    event.preventDefault();
    ask(form, event.submitter);
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = 'yes';
  event.submitter?.setAttribute('aria-busy', 'true');
});
// Back in the browser shows this page as it was left: forms may be sent again.
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent], form[data-confirmed]')) {
    delete form.dataset.sent;
    delete form.dataset.confirmed;
    for (const button of form.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
  }
});

/** Asks before a form is sent that takes something away. Without scripts the form is sent without a question. */
function ask(form, submitter) {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'question');
  const question = document.createElement('p');
  question.id = 'question';
  question.textContent = form.dataset.confirm;
  const yes = button(form.dataset.confirmButton, 'btn danger');
  const no = button('Cancel', 'btn');
  no.autofocus = true;
  const foot = document.createElement('p');
  foot.className = 'foot';
  foot.append(no, yes);
  dialog.append(question, foot);
  no.addEventListener('click', () => dialog.close());
  yes.addEventListener('click', () => {
    form.dataset.confirmed = 'yes';
    dialog.close();
    form.requestSubmit(submitter);
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function button(words, classes) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = classes;
  made.textContent = words;
  return made;
}
