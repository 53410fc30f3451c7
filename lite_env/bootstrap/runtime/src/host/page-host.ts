/** Entry of the page that a driven browser opens: envelopes in by a call, out by an exposed binding. */
import type { FromWorker } from '../protocol';
import { Relay } from './channels';
import { decodeCommand, encodeEnvelope } from './envelope';

const page = globalThis as unknown as {
  liteEnvEmit(json: string): void;
  liteEnvHost: { post(json: string): void };
};
const emit = (envelope: FromWorker) => page.liteEnvEmit(encodeEnvelope(envelope));

const { src, dataset } = document.currentScript as HTMLScriptElement;
const worker = new Worker(new URL('worker.js', src), { type: dataset['worker'] === 'module' ? 'module' : 'classic' });
worker.addEventListener('message', (event: MessageEvent<FromWorker>) => {
  relay.note(event.data);
  emit(event.data);
});
worker.addEventListener('error', event => {
  const message = `the worker broke down: ${event.message || 'its script could not be loaded'}`;
  emit({ type: 'error', error: { name: 'KernelFailed', message, file: 'worker.js', hint: null }, fatal: true });
});

const relay = new Relay(worker, emit);
page.liteEnvHost = { post: json => relay.obey(decodeCommand(json)) };
