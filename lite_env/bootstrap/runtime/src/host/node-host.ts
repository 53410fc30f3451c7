/** Entry of the Node host: envelopes as lines of JSON on stdin and stdout, the kernel in a worker thread. */
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { describe, failureOf } from '../errors';
import { grantOf } from '../network/grant';
import { sendFromNode } from '../network/node';
import type { FromWorker } from '../protocol';
import { Relay } from './channels';
import { showPromiseIntegration } from './engine-flags';
import { decodeCommand, encodeEnvelope } from './envelope';
import { NodeDrive } from './node-drive';
import { NodeMaker } from './node-maker';

const emit = (envelope: FromWorker) => process.stdout.write(`${encodeEnvelope(envelope)}\n`);

function startWorker(): Worker {
  const started = new Worker(new URL('node-worker.mjs', import.meta.url), { stdout: true, stderr: true });
  // What the kernel prints by itself is no envelope.
  started.stdout.pipe(process.stderr);
  started.stderr.pipe(process.stderr);
  return started;
}

showPromiseIntegration();
const worker = startWorker();
let isForSnapshot = false;
const maker = new NodeMaker(startWorker, emit);
const drive = new NodeDrive();
worker.on('message', (envelope: FromWorker) => {
  if (envelope.type === 'drive' || envelope.type === 'drive-more') {
    drive.take(envelope);
  } else if (!relay.note(envelope)) {
    maker.note(envelope);
    // Unless it was started for one alone, its own is not the answer to who asks for one at the end.
    if (envelope.type !== 'snapshot' || isForSnapshot) {
      emit(envelope);
    }
  }
});
let broken = false;
let ended = false;
worker.on('error', error => {
  broken = true;
  emit({ type: 'error', error: failureOf(error, 'running the worker'), fatal: true });
});
worker.on('exit', code => {
  if (!broken && !ended) {
    const message = `the worker has ended with exit code ${code}: the program ended it`;
    emit({ type: 'error', error: { name: 'KernelFailed', message, file: null, hint: null }, fatal: true });
  }
});

// Said by the command that starts the kernel; until then nothing is granted.
let granted = grantOf([]);
const relay = new Relay(
  { postMessage: envelope => worker.postMessage(envelope), terminate: () => process.exit(0) },
  emit,
  sendFromNode(url => granted(url))
);
const lines = createInterface({ input: process.stdin });
lines.on('line', line => {
  try {
    const command = decodeCommand(line);
    if (command.type === 'start') {
      granted = grantOf(command.network ?? 'all');
      maker.note(command);
      isForSnapshot = command.makeSnapshot === true;
    }
    if (command.type === 'snapshot') {
      ended = true;
      void worker.terminate().then(() => maker.make());
      return;
    }
    relay.obey(command.type === 'link' ? { ...command, ...drive.link(command) } : command);
  } catch (error) {
    emit({ type: 'log', level: 'error', text: `not an envelope: ${describe(error)}` });
  }
});
lines.on('close', () => process.exit(0));
