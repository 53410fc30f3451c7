import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asProtocol } from '../src/family/xeus/dialect';

const message = (msg_type: string, content: Record<string, unknown>) => ({
  header: { msg_id: 'm', msg_type, session: 's' },
  parent_header: {},
  metadata: {},
  content,
  channel: 'iopub',
});
const said = (type: string, content: Record<string, unknown>) => asProtocol(message(type, content)).content;

test('a question for a password says so as the protocol does', () => {
  assert.deepEqual(said('input_request', { prompt: 'p', pwd: true }), { prompt: 'p', password: true });
  assert.deepEqual(said('input_request', { prompt: 'p', password: false }), { prompt: 'p', password: false });
});

test('an error has a name and lines, however the kernel writes them', () => {
  for (const type of ['error', 'execute_reply']) {
    assert.deepEqual(said(type, { ename: "<class 'NameError'>", evalue: 'x', traceback: ['a', 'b'] }), {
      ename: 'NameError',
      evalue: 'x',
      traceback: ['a', 'b'],
    });
    assert.equal(said(type, { ename: "<class 'numpy.linalg.LinAlgError'>" })['ename'], 'LinAlgError');
    assert.deepEqual(said(type, { ename: 'boo', traceback: 'one text' })['traceback'], ['one text']);
  }
});

test('what is said well, or is no error, stays as it is', () => {
  for (const one of [message('stream', { ename: "<class 'X'>" }), message('execute_reply', { status: 'ok' })]) {
    assert.equal(asProtocol(one), one);
  }
});
