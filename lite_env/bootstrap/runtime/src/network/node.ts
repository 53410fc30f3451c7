/** Sends a kernel's requests from Node, which follows no redirect and decodes nothing: that is the client's own work. */
import { request as askHttp, Agent as HttpAgent, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as askHttps, Agent as HttpsAgent } from 'node:https';
import { describe } from '../errors';
import { NetworkFailure, type Answer, type NetworkRequest, type Send } from './channel';
import type { Grant } from './grant';

/** Headers that belong to a connection; Node's has its own. */
const OF_THE_CONNECTION = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME/;
const HANDSHAKE = /^(EPROTO|ERR_SSL|ERR_TLS)/;

/** `granted` says which servers may be asked. */
export function sendFromNode(granted: Grant): Send {
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  return async (request, signal) => {
    const url = addressOf(request.url);
    if (!granted(url)) {
      throw new NetworkFailure('not-granted', `lite-env run --network ${url.hostname}`);
    }
    return answerOf(await ask(request, url, agents, signal), request.url);
  };
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new NetworkFailure('address');
  }
  return url;
}

function ask(request: NetworkRequest, url: URL, agents: Agents, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method, body } = request;
    const headers = headersOf(request);
    const options = { method, headers, signal, setHost: !Object.keys(headers).some(name => name.toLowerCase() === 'host') };
    const send = (again: boolean): ClientRequest =>
      url.protocol === 'https:'
        ? askHttps(url, { ...options, agent: again ? false : agents.https }, resolve)
        : askHttp(url, { ...options, agent: again ? false : agents.http }, resolve);
    const attempt = (again: boolean) => {
      const sent = send(again);
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server has closed a connection that was idle: it has not seen this request.
        if (sent.reusedSocket && error.code === 'ECONNRESET' && !again) {
          attempt(true);
        } else {
          reject(failureOf(error));
        }
      });
      sent.end(body ?? undefined);
    };
    try {
      attempt(false);
    } catch (error) {
      // A header or a method that Node does not write.
      reject(new NetworkFailure('address', describe(error)));
    }
  });
}

function headersOf({ headers, body, method }: NetworkRequest): Record<string, string | string[]> {
  const sent = new Map<string, [string, ...string[]]>();
  for (const [name, value] of headers) {
    const [, ...before] = sent.get(name.toLowerCase()) ?? [];
    if (!OF_THE_CONNECTION.has(name.toLowerCase())) {
      sent.set(name.toLowerCase(), [name, ...before, value]);
    }
  }
  if (body || !/^(GET|HEAD|OPTIONS|DELETE|TRACE)$/.test(method)) {
    sent.set('content-length', ['Content-Length', String(body?.length ?? 0)]);
  }
  return Object.fromEntries([...sent.values()].map(([name, ...all]) => [name, all.length === 1 ? String(all[0]) : all]));
}

function failureOf(error: NodeJS.ErrnoException): NetworkFailure {
  const { code = '', message } = error;
  if (HANDSHAKE.test(code) && !CERTIFICATE.test(code)) {
    return new NetworkFailure('handshake', code);
  }
  if (CERTIFICATE.test(code)) {
    return new NetworkFailure('tls', `${message}${code && !message.includes(code) ? `, ${code}` : ''}`);
  }
  // Of several addresses each has an error of its own, and the whole has no message.
  const inner = error instanceof AggregateError ? (error.errors[0] as Error | undefined)?.message : undefined;
  return new NetworkFailure(code === 'ECONNRESET' ? 'broken' : 'unreachable', message || inner || code);
}

function answerOf(message: IncomingMessage, url: string): Answer {
  const { rawHeaders, statusCode = 0, statusMessage = '' } = message;
  const headers = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ''] as const] : []));
  const head = { status: statusCode, reason: statusMessage, headers, url, redirected: false, decoded: false };
  return { head, body: piecesOf(message) };
}

async function* piecesOf(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of message) {
      yield piece as Buffer;
    }
  } catch (error) {
    throw new NetworkFailure('broken', describe(error));
  } finally {
    message.destroy();
  }
}
