import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCommand, encodeEnvelope } from '../src/host/envelope';
import type { JupyterMessage } from '../src/protocol';

const message = (buffers?: (ArrayBuffer | ArrayBufferView)[]): JupyterMessage => ({
  header: { msg_id: '1', msg_type: 'comm_msg', session: 's' },
  parent_header: {},
  metadata: { ü: 1 },
  content: {},
  channel: 'shell',
  ...(buffers ? { buffers: buffers as ArrayBuffer[] } : {}),
});

test('buffers become base64, whole or a view into a larger one', () => {
  const bytes = new Uint8Array([9, 0, 255, 128, 9]);
  const json = JSON.parse(
    encodeEnvelope({
      type: 'message',
      message: message([bytes.buffer, bytes.subarray(1, 4), new DataView(bytes.buffer, 4)]),
    })
  );
  assert.deepEqual(json.message.buffers, ['CQD/gAk=', 'AP+A', 'CQ==']);
  assert.deepEqual(json.message.metadata, { ü: 1 });
});

test('the bytes of a file become base64, and no file stays none', () => {
  const data = new Uint8Array([9, 0, 255]);
  assert.equal(encodeEnvelope({ type: 'read', path: '/x', data }), '{"type":"read","path":"/x","data":"CQD/"}');
  assert.equal(encodeEnvelope({ type: 'read', path: '/x', data: null }), '{"type":"read","path":"/x","data":null}');
});

test('a message without buffers has an empty list', () => {
  assert.deepEqual(JSON.parse(encodeEnvelope({ type: 'message', message: message() })).message.buffers, []);
});

test('a buffer of a megabyte goes there and back', () => {
  const bytes = Uint8Array.from({ length: 1 << 20 }, (_, at) => (at * 7919) & 0xff);
  const command = decodeCommand(encodeEnvelope({ type: 'message', message: message([bytes]) }));
  assert.equal(command.type, 'message');
  const [buffer] = (command as { message: JupyterMessage }).message.buffers as ArrayBuffer[];
  assert.deepEqual(new Uint8Array(buffer as ArrayBuffer), bytes);
});

test('other envelopes are plain JSON on one line', () => {
  const envelope = { type: 'log', level: 'info', text: 'two\nlines' } as const;
  assert.equal(encodeEnvelope(envelope), '{"type":"log","level":"info","text":"two\\nlines"}');
  assert.deepEqual(decodeCommand('{"type":"interrupt"}'), { type: 'interrupt' });
});

test('what is no JSON or no base64 throws', () => {
  assert.throws(() => decodeCommand('{'), SyntaxError);
  assert.throws(() => decodeCommand(JSON.stringify({ type: 'message', message: { ...message(), buffers: ['%'] } })));
});
