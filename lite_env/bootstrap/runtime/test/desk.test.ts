/** Where the requests of blocked workers are answered: each once, and nothing after its time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DriveError, type DriveEnvelope, type DriveRequest, type Ticket } from '../src/drive/channel';
import { DriveDesk } from '../src/drive/desk';
import { DRIVE_BYTES, SharedDriveHost } from '../src/drive/shared';

const ticket = (epoch: string, id: number, seconds = 60): Ticket => ({
  epoch,
  id,
  deadline: Date.now() + seconds * 1000,
});
const put = (path: string): DriveRequest => ({ method: 'put', path });
const get = (path: string): DriveRequest => ({ method: 'get', path });
const moment = () => new Promise(resolve => setTimeout(resolve, 5));

/** A drive that answers when it is told to. */
class Slow {
  readonly begun: string[] = [];
  private readonly waiting = new Map<string, { resolve(answer: unknown): void; reject(error: Error): void }>();

  readonly answer = ({ method, path }: DriveRequest): Promise<unknown> => {
    this.begun.push(`${method} ${path}`);
    return new Promise((resolve, reject) => this.waiting.set(path, { resolve, reject }));
  };

  end(path: string, answer: unknown = null): void {
    const waiting = this.waiting.get(path);
    assert.ok(waiting, `${path} was never asked`);
    answer instanceof Error ? waiting.reject(answer) : waiting.resolve(answer);
  }
}

const circle: Record<string, unknown> = {};
circle['self'] = circle;
const unspeakable: [string, unknown][] = [
  ['a number that JSON has not', 1n],
  ['what holds itself', circle],
  ['what throws when it is told', { toJSON: () => assert.fail('no') }],
];
for (const [what, answer] of unspeakable) {
  test(`${what} is an answer with EIO, and nobody waits for ever`, async () => {
    const desk = new DriveDesk(async () => answer);
    const { error } = JSON.parse((await desk.take(ticket('e', 1), get('/f'))) ?? '') as { error: { code: string } };
    assert.equal(error.code, 'EIO');
  });
}

test('what JSON leaves out is null, and an answer too long for a string EFBIG', async () => {
  const asked = async (answer: unknown) => JSON.parse((await new DriveDesk(async () => answer).take(ticket('e', 1), get('/f'))) ?? '');
  for (const answer of [undefined, null, () => 1, Symbol('s')]) {
    assert.equal(await asked(answer), null);
  }
  const long = { toJSON: () => 'x'.repeat(2 ** 30) };
  assert.equal((await asked(long)).error.code, 'EFBIG');
});

test('a throw that is no promise is an answer, too', async () => {
  const desk = new DriveDesk(() => {
    throw new DriveError('ENOSPC', 'full');
  });
  assert.match((await desk.take(ticket('e', 1), put('/f'))) ?? '', /"ENOSPC"/);
});

test('the answer to a kernel that was ended is nobody’s', async () => {
  const slow = new Slow();
  const desk = new DriveDesk(slow.answer);
  const old = desk.take(ticket('old', 7), get('/slow'));
  await moment();
  const fresh = desk.take(ticket('new', 7), get('/fast'));
  await moment();
  slow.end('/slow', 'old');
  slow.end('/fast', 'new');
  assert.deepEqual([await old, await fresh], [null, '"new"']);
  assert.equal(await desk.take(ticket('old', 8), get('/late')), null);
  assert.deepEqual(slow.begun, ['get /slow', 'get /fast']);
});

test('what an ended kernel writes is finished before the next one is answered', async () => {
  const slow = new Slow();
  const desk = new DriveDesk(slow.answer);
  void desk.take(ticket('old', 1), put('/f'));
  await moment();
  desk.retire();
  const fresh = desk.take(ticket('new', 1), get('/g'));
  await moment();
  assert.deepEqual(slow.begun, ['put /f']);
  slow.end('/f', new Error('it failed'));
  await moment();
  slow.end('/g', 'g');
  assert.equal(await fresh, '"g"');
});

test('what was given up before it began is not done', async () => {
  const slow = new Slow();
  const desk = new DriveDesk(slow.answer);
  const late = await desk.take(ticket('e', 1, -1), put('/f'));
  assert.match(late ?? '', /takes longer|given up/);
  void desk.take(ticket('e', 2), put('/first'));
  await moment();
  const second = await desk.take(ticket('e', 3, 0.02), put('/second'));
  assert.match(second ?? '', /EIO/);
  slow.end('/first');
  await moment();
  assert.deepEqual(slow.begun, ['put /first']);
});

test('a drive that never answers is EIO in time, and its late answer nobody’s', async () => {
  const slow = new Slow();
  const desk = new DriveDesk(slow.answer);
  assert.match((await desk.take(ticket('e', 1, 0.02), get('/f'))) ?? '', /get \\"\/f\\" takes longer than/);
  slow.end('/f', 'late');
});

test('in shared memory nothing is written for who does not wait any more', async () => {
  const slow = new Slow();
  const buffer = new SharedArrayBuffer(DRIVE_BYTES);
  const host = new SharedDriveHost(buffer, new DriveDesk(slow.answer));
  const state = () => new Int32Array(buffer)[0];
  const asked = (epoch: string, id: number, request: DriveRequest): DriveEnvelope => ({
    type: 'drive',
    request,
    ...ticket(epoch, id),
  });
  void host.take(asked('old', 5, get('/slow')));
  await moment();
  void host.take(asked('new', 9, get('/fast')));
  await moment();
  slow.end('/slow', 'of the old worker');
  await moment();
  assert.equal(state(), 0);
  // Nor the answer to a request that the same worker has given up.
  void host.take(asked('new', 10, get('/slower')));
  await moment();
  slow.end('/fast', 'late');
  await moment();
  assert.equal(state(), 0);
  // And a piece that belongs to another answer is not given.
  await host.take({ type: 'drive-more', ...ticket('old', 6) });
  assert.equal(state(), 0);
  slow.end('/slower', 'of the new one');
  await moment();
  assert.equal((state() ?? 0) >> 2, 10);
  assert.match(Buffer.from(new Uint8Array(buffer).slice(8, 40)).toString(), /^"of the new one"/);
});
