/**
 * The drive of a kernel in Node. Its worker cannot ask a server while it is blocked, as a browser's can: it waits on
 * shared memory, and the thread that is free asks.
 */
import { Agent, request as open } from 'node:http';
import { DriveError, type DriveEnvelope, type DriveRequest } from '../drive/channel';
import { DriveDesk } from '../drive/desk';
import { secondsOf } from '../drive/limits';
import { DRIVE_BYTES, SharedDriveHost } from '../drive/shared';
import { bodyOf, read, type Answer } from '../drive/xhr';
import { newId } from '../ids';
import type { DriveSource, LinkSources } from '../protocol';

type Answered = Pick<Answer, 'status' | 'text'>;
type ServerSource = Extract<DriveSource, { kind: 'xhr' }>;

export class NodeDrive {
  private host: SharedDriveHost | null = null;
  private sent = 0;
  private readonly epoch = newId();
  // One connection, and no proxy that the environment may name.
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly secondsFor: typeof secondsOf = secondsOf) {}

  /** What the worker is told instead: a server becomes memory, behind which is that server. */
  link(sources: LinkSources): LinkSources {
    const { drive } = sources;
    if (drive?.kind !== 'xhr') {
      return sources;
    }
    const { driveName, mountpoint } = drive;
    const buffer = new SharedArrayBuffer(DRIVE_BYTES);
    this.host = new SharedDriveHost(buffer, new DriveDesk(request => this.ask(drive, request)));
    return { ...sources, drive: { kind: 'shared', driveName, mountpoint, buffer } };
  }

  /** Answer the worker, which waits. */
  take(envelope: DriveEnvelope): void {
    void this.host?.take(envelope);
  }

  private async ask(source: ServerSource, request: DriveRequest): Promise<unknown> {
    const seconds = this.secondsFor(request.method);
    const sent = Date.now();
    const ticket = { epoch: this.epoch, id: (this.sent += 1), deadline: sent + seconds * 1000, sent };
    const body = JSON.stringify(bodyOf(request, source, ticket));
    return read(await this.post(source, body, seconds), source.url);
  }

  private post(source: Pick<ServerSource, 'url' | 'headers'>, body: string, seconds: number): Promise<Answered> {
    const { url, headers } = source;
    return new Promise((resolve, reject) => {
      const failed = (cause: unknown) => reject(new DriveError('EIO', `"${url}" does not answer`, { cause }));
      const length = Buffer.byteLength(body);
      const kind = { 'Content-Type': 'application/json', 'Content-Length': length };
      const sent = open(url, { method: 'POST', agent: this.agent, headers: { ...headers, ...kind } }, response => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', failed);
        response.on('end', () => {
          // The text may be longer than a string can be.
          try {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
          } catch (cause) {
            failed(cause);
          }
        });
      });
      sent.on('error', (cause: NodeJS.ErrnoException) => {
        // The server has closed a connection that was idle: it has not seen this request.
        if (sent.reusedSocket && cause.code === 'ECONNRESET') {
          this.post(source, body, seconds).then(resolve, reject);
        } else {
          failed(cause);
        }
      });
      // A server that is silent must not hold the one connection.
      sent.setTimeout(seconds * 1000, () => sent.destroy(new Error('it is silent')));
      sent.end(body);
    });
  }
}
