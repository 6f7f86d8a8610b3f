// The page: what the form says is asked, and its controls after it, each shown as it comes. The key lives
// in its input field only.
import { AnswerCard } from './answer-card.js';
import { listModels, streamChat } from './api.js';
import { curlOf, sdkOf } from './code.js';
import { byId, element } from './elements.js';
import { lanesOf } from './lanes.js';
import { TokenTable } from './token-table.js';

/**
 * @typedef {import('./api.js').Model} Model
 * @typedef {import('./lanes.js').Lane} Lane
 * @typedef {{ question: string, answer: string }} Sample
 */

const form = byId('request', HTMLFormElement);
const modelChoice = byId('model', HTMLSelectElement);
const question = byId('question', HTMLTextAreaElement);
const thoughts = byId('thoughts', HTMLInputElement);
const key = byId('key', HTMLInputElement);
const drawButton = byId('draw', HTMLButtonElement);
const askButton = byId('ask', HTMLButtonElement);
const stopButton = byId('stop', HTMLButtonElement);
const answers = byId('answers', HTMLElement);
const problem = byId('problem', HTMLElement);
const tokenTable = new TokenTable();

/** @type {Model[]} */
let models = [];
/** By the name of the data set. @type {Record<string, Sample[]>} */
let samples = {};
/** @type {AbortController | null} */
let running = null;

/** @param {string} id */
const isChecked = (id) => byId(id, HTMLInputElement).checked;
/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));
const chosen = () => models.find(({ id }) => id === modelChoice.value);
/** Of the data set that the model was measured on. */
const samplesOfModel = () => samples[chosen()?.coconut.evaluation?.data ?? ''] ?? [];

/** The checkpoint measured beside the model that writes its reasoning, where the server has it. */
function writtenModel() {
  const name = chosen()?.coconut.evaluation?.cot_baseline?.model;
  return models.find(({ id }) => id === name)?.id ?? null;
}

function lanes() {
  return lanesOf({
    model: modelChoice.value,
    question: question.value,
    thoughts: thoughts.valueAsNumber,
    trace: isChecked('trace'),
    without: isChecked('without'),
    shuffled: isChecked('shuffled'),
    written: isChecked('written') ? writtenModel() : null,
  });
}

/** @param {unknown} error null: none */
function tell(error) {
  problem.hidden = error === null;
  problem.textContent = error === null ? '' : messageOf(error);
}

async function loadModels() {
  try {
    models = await listModels(key.value);
    tell(null);
  } catch (error) {
    tell(error);
    return;
  }
  const before = modelChoice.value;
  modelChoice.replaceChildren(...models.map(({ id }) => element('option', { value: id }, id)));
  if (models.some(({ id }) => id === before)) modelChoice.value = before;
  showModel();
}

function showModel() {
  const model = chosen();
  if (!model) return;
  const { method, latent_thoughts: limits, evaluation } = model.coconut;
  const measured = evaluation
    ? `${(100 * evaluation.accuracy).toFixed(1)}% right on ${evaluation.items} items of ${evaluation.data}`
    : 'not measured';
  byId('about', HTMLElement).textContent =
    `Method ${method}; ${limits.default} of up to ${limits.maximum} thoughts by default; ${measured}.`;
  thoughts.max = String(limits.maximum);
  thoughts.value = String(limits.default);
  thoughts.disabled = limits.maximum === 0;
  const written = writtenModel();
  byId('written', HTMLInputElement).disabled = written === null;
  byId('written-said', HTMLElement).textContent = `${written ?? 'a checkpoint'}, reasoning in text`;
  drawButton.disabled = samplesOfModel().length === 0;
  tokenTable.clear(model);
  if (question.value === '') draw();
  showRequest();
}

function showRequest() {
  byId('thoughts-said', HTMLOutputElement).textContent = thoughts.value;
  const [{ body }] = lanes();
  const baseUrl = new URL('../v1', document.baseURI).href;
  const withKey = key.value !== '';
  byId('curl', HTMLPreElement).textContent = curlOf(baseUrl, body, withKey);
  byId('sdk', HTMLPreElement).textContent = sdkOf(baseUrl, body, withKey);
  const known = expectedAnswer();
  byId('drawn', HTMLElement).textContent = known === null ? '' : `Its answer: ${known}`;
}

/** Null where the question is not a sample's. */
function expectedAnswer() {
  return samplesOfModel().find((sample) => sample.question === question.value)?.answer ?? null;
}

function draw() {
  const others = samplesOfModel().filter((sample) => sample.question !== question.value);
  const drawn = others[Math.floor(Math.random() * others.length)];
  if (drawn) question.value = drawn.question;
  showRequest();
}

/** One after the other, so that their times can be compared. */
async function ask() {
  const model = chosen();
  if (!model || running) return;
  const controller = new AbortController();
  setRunning(controller);
  tokenTable.clear(model);
  const expected = expectedAnswer();
  const asked = lanes().map((lane) => ({ lane, card: new AnswerCard(lane.title, expected) }));
  answers.replaceChildren(...asked.map(({ card }) => card.root));
  for (const { lane, card } of asked) await follow(lane, card, controller.signal);
  setRunning(null);
}

/** @param {Lane} lane @param {AnswerCard} card @param {AbortSignal} signal */
async function follow(lane, card, signal) {
  try {
    for await (const event of streamChat(lane.body, key.value, signal)) card.take(event);
    tokenTable.add(lane, card.finish());
  } catch (error) {
    card.fail(signal.aborted ? 'stopped' : messageOf(error));
  }
}

/** @param {AbortController | null} controller */
function setRunning(controller) {
  running = controller;
  askButton.disabled = controller !== null;
  stopButton.disabled = controller === null;
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const source = byId(button.dataset['copies'] ?? '', HTMLPreElement);
  try {
    await navigator.clipboard.writeText(source.textContent ?? '');
    button.textContent = 'Copied';
  } catch {
    // Only localhost and https may write to the clipboard: the text is selected instead.
    getSelection()?.selectAllChildren(source);
    button.textContent = 'Selected';
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void ask();
});
form.addEventListener('input', showRequest);
form.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
modelChoice.addEventListener('change', showModel);
key.addEventListener('change', () => void loadModels());
drawButton.addEventListener('click', draw);
stopButton.addEventListener('click', () => running?.abort());
for (const button of document.querySelectorAll('button')) {
  if (button.dataset['copies']) button.addEventListener('click', () => void copy(button));
}

samples = await (await fetch('samples.json')).json();
await loadModels();
