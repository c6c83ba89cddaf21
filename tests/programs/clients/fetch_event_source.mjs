// The package expects a page.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = await import('@microsoft/fetch-event-source');

const [, , url, ...headers] = process.argv;
fetchEventSource(url, {
  headers: Object.fromEntries(headers.map((header) => header.split(/: (.*)/, 2))),
  openWhenHidden: true,
  onmessage({ event, data }) {
    console.log(JSON.stringify([event || 'message', data]));
  },
  // Without an error it takes the end of a stream for the end of its work.
  onclose() {
    throw new Error('come back');
  },
  onerror() {},
});
