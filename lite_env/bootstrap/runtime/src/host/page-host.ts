/** Entry of the page that a driven browser opens: envelopes in by a call, out by an exposed binding. */
import { newId } from '../ids';
import { sendFromPage } from '../network/browser';
import type { FromWorker } from '../protocol';
import { createPulse } from '../pulse';
import { brokenWorker, GONE } from './broken';
import { Relay } from './channels';
import { decodeCommand, encodeEnvelope } from './envelope';

const page = globalThis as unknown as {
  liteEnvEmit(json: string): void;
  liteEnvHost: { post(json: string): void };
};
const emit = (envelope: FromWorker) => page.liteEnvEmit(encodeEnvelope(envelope));

const { src, dataset } = document.currentScript as HTMLScriptElement;
const worker = new Worker(new URL('worker.js', src), { type: dataset['worker'] === 'module' ? 'module' : 'classic' });
const pulse = createPulse(newId());
worker.addEventListener('message', (event: MessageEvent<FromWorker>) => {
  if (event.data.type === 'pulse') {
    pulse.watch(() => emit({ type: 'error', error: GONE, fatal: true }));
  } else if (!relay.note(event.data)) {
    emit(event.data);
  }
});
worker.addEventListener('error', event => emit({ type: 'error', error: brokenWorker(event), fatal: true }));

const relay = new Relay(worker, emit, sendFromPage());
page.liteEnvHost = {
  post: json => {
    const command = decodeCommand(json);
    relay.obey(command.type === 'start' ? { ...command, pulse: pulse.name } : command);
  },
};
