import { follow, generate } from './plantain.js';

const form = document.querySelector('form');
const notice = document.querySelector('.notice');
const gallery = document.querySelector('.gallery');
const cards = new Map();

follow(show, (text) => (notice.textContent = text));

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { prompt } = form.elements;
  const button = form.querySelector('button');
  button.disabled = true;
  notice.textContent = '';
  try {
    show(await generate(prompt.value, idempotencyKey(prompt.value)));
    pending = null;
    prompt.value = '';
  } catch (error) {
    notice.textContent = error.message;
  } finally {
    button.disabled = false;
    prompt.focus();
  }
});

// When the response was lost and the same prompt is sent again, the same key prevents a second task.
let pending = null;
function idempotencyKey(prompt) {
  if (pending?.prompt !== prompt) pending = { prompt, key: crypto.randomUUID() };
  return pending.key;
}

/** Renders a task unless a newer version is shown already. The newest task comes first. */
function show(task) {
  let card = cards.get(task.id);
  if (!card) {
    card = { item: document.createElement('li'), version: 0 };
    card.item.dataset.createdAt = task.createdAt;
    const older = [...gallery.children].find(({ dataset }) => dataset.createdAt < task.createdAt);
    gallery.insertBefore(card.item, older ?? null);
    cards.set(task.id, card);
  }
  if (task.version <= card.version) return;
  card.version = task.version;

  const isFinished = ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(task.status);
  card.item.className = isFinished ? task.status.toLowerCase() : 'working';
  card.item.replaceChildren(picture(task), caption(task));
}

function picture({ images: [image], prompt }) {
  const frame = element(image ? 'a' : 'div', 'picture');
  if (image) {
    frame.href = image.url;
    const { preview: src, width, height } = image;
    frame.append(Object.assign(new Image(), { src, width, height, alt: prompt }));
  }
  return frame;
}

function caption({ prompt, status, failure }) {
  const text = element('div', 'caption');
  const statusText = failure ? `${failure.message} ${failure.advice}` : status.toLowerCase();
  text.append(element('p', 'prompt', prompt), element('p', 'status', statusText));
  return text;
}

function element(name, className, text = '') {
  return Object.assign(document.createElement(name), { className, textContent: text });
}
