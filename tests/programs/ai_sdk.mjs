// A client of the AI SDK, with nothing set but `api`. Prints what it has, a line of JSON each.
import { once } from 'node:events';
import net from 'node:net';
import { AbstractChat, DefaultChatTransport, readUIMessageStream } from 'ai';

const host = new URL(process.argv[2]);

// A network that can be cut: all connections go through here.
const connections = new Set();
const network = net.createServer(client => {
  const server = net.connect(host.port, host.hostname);
  for (const [from, to] of [[client, server], [server, client]]) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
  connections.add(client);
}).listen(0, '127.0.0.1');
await once(network, 'listening');
const api = `http://127.0.0.1:${network.address().port}/chats`;
const cut = () => connections.forEach(connection => connection.destroy());

const text = message => message.parts.filter(part => part.type === 'text').map(part => part.text).join('');
const say = (step, value) => console.log(JSON.stringify({ step, ...value }));
const question = { id: 'u1', role: 'user', parts: [{ type: 'text', text: 'why?' }] };

// The transport and the reader of message streams.
{
  const transport = new DefaultChatTransport({ api });
  const left = new AbortController();
  const stream = await transport.sendMessages({
    chatId: 'transport', trigger: 'submit-message', messages: [question], abortSignal: left.signal,
  });
  let had = '';
  try {
    for await (const message of readUIMessageStream({ stream, terminateOnError: true })) {
      had = text(message);
      if (had.length > 30) left.abort();
    }
  } catch { /* it has left */ }
  say('left', { text: had });
  // As after a reload: nothing is known but the id of the chat.
  const back = await new DefaultChatTransport({ api }).reconnectToStream({ chatId: 'transport' });
  let last;
  for await (const message of readUIMessageStream({ stream: back, terminateOnError: true })) last = message;
  say('back', { text: text(last), id: last.id, parts: last.parts.length });
  say('over', { stream: await transport.reconnectToStream({ chatId: 'transport' }) });
}

// The chat under `useChat`.
class State {
  status = 'ready'; error = undefined; messages = [];
  pushMessage = message => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = value => structuredClone(value);
}
class Chat extends AbstractChat {
  constructor(id) { super({ id, state: new State(), transport: new DefaultChatTransport({ api }) }); }
}
const begins = async (chat, answer) => {
  while (text(chat.messages[2 * answer - 1] ?? { parts: [] }).length < 30) await new Promise(setImmediate);
};
const texts = chat => ({ status: chat.status, error: chat.error?.message ?? null, roles: chat.messages.map(({ role }) => role), texts: chat.messages.map(text) });
{
  const chat = new Chat('chat');
  const asked = chat.sendMessage({ text: 'why?' });
  await begins(chat, 1);
  cut();
  await asked;
  say('cut', texts(chat));
  await chat.resumeStream();
  say('resumed', texts(chat));
  await chat.resumeStream();
  say('resumed when there is nothing', texts(chat));
  await chat.sendMessage({ text: 'how?' });
  say('second question', texts(chat));
  await chat.regenerate();
  say('regenerated', texts(chat));

  const stopped = chat.sendMessage({ text: 'when?' });
  await begins(chat, 3);
  await fetch(`${api}/chat/stream`, { method: 'DELETE' });
  await stopped;
  say('stopped', texts(chat));
}
process.exit();
