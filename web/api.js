'use strict';
// Shows the document of the API; everything comes from this server.

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

let spec;

const resolve = (value) =>
  value && value.$ref ? resolve(value.$ref.slice(2).split('/').reduce((at, key) => at[key], spec)) : value || {};

// A schema in one line: "string", "avg | min", "{ vms: integer, … }".
const shape = (schema, depth = 0) => {
  schema = resolve(schema);
  if (schema.enum) return schema.enum.join(' | ');
  if (schema.type === 'array') return `[${shape(schema.items, depth + 1)}]`;
  if (schema.properties && depth < 4) {
    return `{ ${Object.entries(schema.properties).map(([name, one]) => `${name}: ${shape(one, depth + 1)}`).join(', ')} }`;
  }
  if (schema.additionalProperties && depth < 4) return `{ NAME: ${shape(schema.additionalProperties, depth + 1)} }`;
  return [].concat(schema.type || 'any').join(' | ');
};

const table = (titles, rows) => {
  const made = element('table');
  const head = made.createTHead().insertRow();
  for (const title of titles) head.append(element('th', title));
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const cell of row) line.insertCell().textContent = cell;
  }
  return made;
};

const contentOf = (content) =>
  Object.entries(content || {}).map(([type, media]) => {
    const made = element('div');
    made.append(element('code', `${type}: ${shape(media.schema)}`));
    if (media.example !== undefined) made.append(element('pre', JSON.stringify(media.example, null, 2)));
    return made;
  });

const operation = (method, path, one) => {
  const made = element('details');
  const summary = element('summary');
  summary.append(element('span', method.toUpperCase(), `method ${method}`), element('code', path),
                 element('span', one.summary || '', 'name'));
  made.append(summary);
  if (one.description) made.append(element('p', one.description));
  const parameters = (one.parameters || []).map(resolve);
  if (parameters.length) {
    made.append(table(['parameter', 'in', 'takes', ''], parameters.map((p) => [
      p.name + (p.required ? ' *' : ''), p.in,
      shape(p.schema) + (p.schema && p.schema.default !== undefined ? ` (${p.schema.default})` : ''),
      p.description || ''])));
  }
  if (one.requestBody) made.append(element('h3', 'body'), ...contentOf(one.requestBody.content));
  made.append(element('h3', 'answers'));
  for (const [status, answer] of Object.entries(one.responses || {})) {
    const real = resolve(answer);
    made.append(element('p', `${status}  ${real.description || ''}`), ...contentOf(real.content));
  }
  made.dataset.words = `${method} ${path} ${one.summary || ''} ${parameters.map((p) => p.name).join(' ')}`.toLowerCase();
  return made;
};

const show = () => {
  document.getElementById('about').textContent = spec.info.description;
  const places = {};
  for (const tag of spec.tags) {
    const place = element('section');
    place.append(element('h2', tag.name));
    if (tag.description) place.append(element('p', tag.description));
    places[tag.name] = place;
    document.getElementById('operations').append(place);
  }
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, one] of Object.entries(methods)) places[one.tags[0]].append(operation(method, path, one));
  }
};

document.getElementById('find').addEventListener('input', (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const one of document.querySelectorAll('details')) one.hidden = !one.dataset.words.includes(wanted);
});

fetch('/api/openapi.json').then((answer) => answer.json()).then((json) => {
  spec = json;
  show();
}).catch((error) => {
  document.getElementById('about').textContent = `The document cannot be read: ${error}`;
});
