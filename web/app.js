'use strict';
// Shows the catalogue's metrics of one VM live. Text reaches the page by textContent only.

const kPoints = 120;            // Samples of a sparkline.
const kStatesEvery = 3000;      // ms between looks at the list of VMs.
const kReopenAfter = 1000;      // ms until a stream that ended is opened again.

const byId = (id) => document.getElementById(id);
const keyOf = (vm) => JSON.stringify([vm.ns, vm.mcis, vm.vm]);

let metrics = [];               // The catalogue.
let cards = new Map();          // Metric name → {value, unit, line, points, unitName}.
let vms = new Map();            // Key → VM as /api/v1/vms tells it.
let chosen = null;              // Key.
let source = null;

function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

// [number as text, unit]; 1 kilobyte is 1024 bytes.
function shown(value, unit) {
  const perSecond = unit.endsWith('/s') ? '/s' : '';
  const base = perSecond ? unit.slice(0, -2) : unit;
  if (base === 'bytes' || base === 'kilobytes') {
    let v = base === 'kilobytes' ? value * 1024 : value;
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let i = 0;
    while (Math.abs(v) >= 1024 && i < units.length - 1) { v /= 1024; i++; }
    return [v.toFixed(i === 0 || Math.abs(v) >= 100 ? 0 : 1), units[i] + perSecond];
  }
  if (base === 'seconds' && !perSecond) {
    const s = Math.floor(value);
    if (s < 3600) return [Math.floor(s / 60) + ':' + String(s % 60).padStart(2, '0'), 'min'];
    if (s < 86400) return [(s / 3600).toFixed(1), 'hours'];
    return [(s / 86400).toFixed(1), 'days'];
  }
  if (base === 'percent') return [value.toFixed(1), '%'];
  const short = { count: '', megahertz: 'MHz', milliseconds: 'ms' };
  const name = (base in short ? short[base] : base) + perSecond;
  return [Number.isInteger(value) || Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(2), name];
}

function makeCards() {
  const main = byId('groups');
  main.replaceChildren();
  cards = new Map();
  const sections = new Map();
  for (const metric of metrics) {
    if (!sections.has(metric.group)) {
      main.append(element('h2', '', metric.group));
      const grid = element('div', 'cards');
      sections.set(metric.group, grid);
      main.append(grid);
    }
    const card = element('div', 'card');
    card.title = metric.meaning;
    const number = element('span', 'value', '–');
    const unit = element('span', 'unit');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 ' + (kPoints - 1) + ' 20');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    svg.append(line);
    card.append(element('div', 'name', metric.name), number, unit, svg);
    card.dataset.metric = metric.name;
    sections.get(metric.group).append(card);
    cards.set(metric.name, { number, unit, line, points: [], unitName: metric.answer_unit });
  }
}

function draw(card) {
  const points = card.points;
  const low = card.unitName === 'percent' ? 0 : Math.min(...points);
  const high = card.unitName === 'percent' ? Math.max(100, ...points) : Math.max(...points);
  const span = high - low || 1;
  const first = kPoints - points.length;
  const flat = high === low ? 10 : null;
  card.line.setAttribute('points', points.map((value, i) =>
    (first + i) + ',' + (flat ?? 19 - 18 * (value - low) / span).toFixed(1)).join(' '));
}

function show(name, value) {
  const card = cards.get(name);
  if (!card || typeof value !== 'number') return;
  const [number, unit] = shown(value, card.unitName);
  card.number.textContent = number;
  card.unit.textContent = unit;
  card.points.push(value);
  if (card.points.length > kPoints) card.points.shift();
  draw(card);
}

function notice(text) {
  const p = byId('notice');
  p.textContent = text;
  p.hidden = text === '';
}

function showState(text) {
  const state = byId('state');
  state.textContent = text;
  state.className = 'state ' + text;
}

function choose(key) {
  chosen = key;
  makeCards();
  byId('time').textContent = '';
  showState(vms.get(key).state);
  showLatest(key);
  openStream();
}

// What is known already, so that nobody waits for the next rows.
async function showLatest(key) {
  const { ns, mcis, vm } = vms.get(key);
  try {
    const body = await (await fetch('/api/v1/vms?' + new URLSearchParams({ ns, mcis, vm }))).json();
    if (key !== chosen || body.vms.length !== 1) return;
    for (const [name, value] of Object.entries(body.vms[0].latest)) {
      if (cards.get(name).points.length === 0) show(name, value);
    }
  } catch (error) {
    console.warn('no latest values: ' + error.message);
  }
}

function openStream() {
  if (source) source.close();
  const vm = vms.get(chosen);
  const query = new URLSearchParams({ ns: vm.ns, mcis: vm.mcis, vm: vm.vm });
  const mine = new EventSource('/api/v1/stream?' + query);
  source = mine;
  mine.onmessage = (event) => {
    const row = JSON.parse(event.data);
    for (const [name, value] of Object.entries(row.values)) show(name, value);
    byId('time').textContent = row.time.slice(0, 19).replace('T', ' ') + ' UTC';
  };
  // The browser reopens a stream that broke; one that was refused it does not.
  mine.onerror = () => {
    if (mine.readyState !== EventSource.CLOSED || source !== mine) return;
    setTimeout(() => { if (source === mine) openStream(); }, kReopenAfter);
  };
}

function listVms(list) {
  vms = new Map(list.map((vm) => [keyOf(vm), vm]));
  const select = byId('vm');
  const shownKeys = [...select.options].map((option) => option.value);
  const keys = [...vms.keys()];
  if (keys.length === shownKeys.length && keys.every((key, i) => key === shownKeys[i])) return;
  select.replaceChildren(...keys.map((key) => {
    const vm = vms.get(key);
    const option = element('option', '', vm.ns + ' / ' + vm.mcis + ' / ' + vm.vm);
    option.value = key;
    return option;
  }));
  if (chosen && vms.has(chosen)) select.value = chosen;
}

// The server wants to know who asks: the token becomes a cookie that no script can read.
function askForToken(message) {
  if (source) source.close();
  showState('locked');
  notice(message);
  byId('login').hidden = false;
  byId('token').focus();
}

async function logIn(event) {
  event.preventDefault();
  const token = byId('token').value.trim();
  byId('token').value = '';
  try {
    const answer = await fetch('/api/v1/session', { method: 'POST', body: JSON.stringify({ token }) });
    if (answer.ok) location.reload();
    else notice((await answer.json()).message);
  } catch (error) {
    notice('The server does not answer: ' + error.message);
  }
}

async function look() {
  try {
    const answer = await fetch('/api/v1/vms?limit=1000&latest=false', { signal: AbortSignal.timeout(5000) });
    const body = await answer.json();
    if (answer.status === 401) return askForToken(body.message);
    if (!answer.ok) throw new Error(body.message);
    listVms(body.vms);
    notice(body.vms.length === 0 ? 'No VM has reported yet.' : '');
    if (body.vms.length === 0) showState('waiting');
    if (!chosen || !vms.has(chosen)) {
      if (body.vms.length > 0) choose(keyOf(body.vms[0]));
    } else {
      showState(vms.get(chosen).state);
    }
  } catch (error) {
    showState('offline');
    notice('The server does not answer: ' + error.message + '. Trying again.');
  }
  setTimeout(look, chosen ? kStatesEvery : 1000);
}

byId('login').addEventListener('submit', logIn);

async function start() {
  try {
    const answer = await fetch('/api/v1/metrics');
    if (answer.status === 401) return askForToken('This server asks for a token.');
    metrics = (await answer.json()).metrics;
  } catch (error) {
    setTimeout(start, 1000);
    return;
  }
  makeCards();
  byId('vm').addEventListener('change', (event) => choose(event.target.value));
  look();
}

start();
