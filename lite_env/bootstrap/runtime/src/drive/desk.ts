import { codeOf, DriveError, isChange, pieceOf, refusal, type DriveRequest, type Ticket } from './channel';
import { secondsOf } from './limits';
import { soon } from '../soon';

/** Answers one request; rejects with a `DriveError` where it is refused. */
export type Answerer = (request: DriveRequest) => Promise<unknown>;

export interface DeskOptions {
  readonly now?: () => number;
  /** Nobody goes on with this upload any more. */
  readonly drop?: (upload: string) => Promise<unknown>;
}

/**
 * Where the requests of a blocked worker are answered, by whatever way they come.
 *
 * Each gets exactly one answer, which JSON can hold. What comes of a kernel that was ended, or after its deadline, is
 * not done any more; what a kernel that was ended has begun is finished before anything of the next one is.
 */
export class DriveDesk {
  private epoch: string | null = null;
  private readonly retired = new Set<string>();
  /** Settles when no change is under way. */
  private changes: Promise<unknown> = Promise.resolve();
  /** The file that comes in pieces: a worker blocks while it writes one, so that before the next it has given it up. */
  private upload: string | null = null;
  private readonly now: () => number;
  private readonly drop: (upload: string) => Promise<unknown>;

  constructor(
    private readonly answer: Answerer,
    { now = Date.now, drop = () => Promise.resolve() }: DeskOptions = {}
  ) {
    this.now = now;
    this.drop = drop;
  }

  /** The answer as JSON; null where its kernel has ended, so that nobody may be told. */
  async take(ticket: Ticket, request: DriveRequest): Promise<string | null> {
    this.enter(ticket.epoch);
    const given = await this.give(ticket, request).then(asJson, error => JSON.stringify(refusal(error)));
    return this.isCurrent(ticket) ? given : null;
  }

  /**
   * The kernel has ended: its requests are not answered any more, and none is begun. Resolves when what it had begun is
   * over.
   */
  retire(): Promise<unknown> {
    if (this.epoch !== null) {
      this.retired.add(this.epoch);
    }
    this.epoch = null;
    this.follow(null);
    return this.changes;
  }

  /** Another upload is under way, or none: of the one before nothing stays. */
  private follow(upload: string | null): void {
    const before = this.upload;
    this.upload = upload;
    if (before !== null && before !== upload) {
      this.changes = this.changes.then(() => this.drop(before)).catch(() => undefined);
    }
  }

  private enter(epoch: string): void {
    if (this.epoch !== epoch && !this.retired.has(epoch)) {
      void this.retire();
      this.epoch = epoch;
    }
  }

  private isCurrent({ epoch }: Ticket): boolean {
    return this.epoch === epoch;
  }

  private async give(ticket: Ticket, request: DriveRequest): Promise<unknown> {
    const { method, path } = request;
    const limit = new DriveError('EIO', `${method} "${path}" takes longer than ${secondsOf(method)} seconds`);
    const piece = pieceOf(request);
    if (piece && this.isCurrent(ticket)) {
      this.follow(piece.upload);
    }
    await this.within(ticket, limit, this.changes);
    if (!this.isCurrent(ticket) || this.now() > ticket.deadline) {
      throw new DriveError('EIO', `${method} "${path}" was given up and not begun`);
    }
    const given = this.answer(request);
    if (isChange(method)) {
      this.changes = given.catch(() => undefined);
    }
    return this.within(ticket, limit, given);
  }

  private within<T>({ deadline }: Ticket, limit: Error, work: Promise<T>): Promise<T> {
    return soon(work, Math.max(0, deadline - this.now()), () => {
      throw limit;
    });
  }
}

/** Managers of others may give what JSON cannot hold, or more than a string can. */
function asJson(answer: unknown): string {
  try {
    return JSON.stringify(answer ?? null) ?? 'null';
  } catch (cause) {
    return JSON.stringify(refusal(new DriveError(codeOf(cause), `the answer is no JSON: ${String(cause)}`)));
  }
}
