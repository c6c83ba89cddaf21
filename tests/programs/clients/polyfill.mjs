import polyfill from 'event-source-polyfill';

const [, , url, ...headers] = process.argv;
const given = Object.fromEntries(headers.map((header) => header.split(/: (.*)/, 2)));
const source = new polyfill.EventSourcePolyfill(url, { headers: given });
for (const type of ['message', 'note', 'error', 'ready', 'gap']) {
  source.addEventListener(type, ({ data }) => {
    // The connection's own error has no data.
    if (data !== undefined) console.log(JSON.stringify([type, data]));
  });
}
