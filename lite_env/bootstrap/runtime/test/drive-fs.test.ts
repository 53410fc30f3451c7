/** What Emscripten asks of a drive, while others change it: a small file system that opens as Emscripten's does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64, toBase64 } from '../src/base64';
import { DriveError, ERRNO, type DriveChannel, type DriveErrorCode, type DriveRequest } from '../src/drive/channel';
import { LiteDriveFS } from '../src/drive/drivefs';
import { PIECE_BYTES } from '../src/drive/limits';
import { text, utf8 } from './support/pack';

const FOLDER = 0o40777;
const FILE = 0o100666;
const [WRONLY, RDWR, CREAT, EXCL, TRUNC] = [0o1, 0o2, 0o100, 0o200, 0o1000];

class ErrnoError extends Error {
  constructor(readonly errno: number) {
    super(`errno ${errno}`);
    this.name = 'ErrnoError';
  }
}

/** `FS` of Emscripten, as far as a drive at `/drive` sees it; from its documented behaviour. */
class SmallFS {
  readonly ErrnoError = ErrnoError;
  readonly nameTable: any[] = [];
  readonly streams: any[] = [];
  root: any = null;

  isDir = (mode: number) => (mode & 0o170000) === 0o040000;
  isFile = (mode: number) => (mode & 0o170000) === 0o100000;
  hashName = (parent: number, name: string) => [...name].reduce((hash, letter) => hash + letter.charCodeAt(0), parent) % 7;

  createNode(parent: any, name: string, mode: number): any {
    const node: any = { id: this.streams.length + Math.random(), name, mode };
    node.parent = parent ?? node;
    if (parent) {
      const hash = this.hashName(parent.id, name);
      node.name_next = this.nameTable[hash];
      this.nameTable[hash] = node;
    }
    return node;
  }

  destroyNode(node: any): void {
    const hash = this.hashName(node.parent.id, node.name);
    let found = this.nameTable[hash];
    if (found === node) {
      this.nameTable[hash] = node.name_next;
    }
    while (found && found.name_next !== node) {
      found = found.name_next;
    }
    if (found) {
      found.name_next = node.name_next;
    }
  }

  lookupNode(parent: any, name: string): any {
    return parent.node_ops.lookup(parent, name);
  }

  mayCreate(parent: any, name: string): number {
    try {
      (this as any).lookupNode(parent, name);
      return ERRNO.EEXIST;
    } catch {
      return 0;
    }
  }

  mayDelete(): number {
    return 0;
  }

  unlink(name: string): void {
    this.root.node_ops.unlink(this.root, name);
  }

  rename(): void {}

  mknod(name: string, mode: number): any {
    const refused = (this as any).mayCreate(this.root, name);
    if (refused) {
      throw new ErrnoError(refused);
    }
    return this.root.node_ops.mknod(this.root, name, mode, 0);
  }

  open(name: string, flags: number): any {
    let node: any;
    try {
      node = (this as any).lookupNode(this.root, name);
    } catch {}
    let created = false;
    if (flags & CREAT) {
      if (node && flags & EXCL) {
        throw new ErrnoError(ERRNO.EEXIST);
      }
      created = !node;
      node ??= this.mknod(name, FILE);
    }
    if (!node) {
      throw new ErrnoError(ERRNO.ENOENT);
    }
    if (this.isDir(node.mode) && flags & (WRONLY | RDWR)) {
      throw new ErrnoError(ERRNO.EISDIR);
    }
    if (flags & TRUNC && !created) {
      node.node_ops.setattr(node, { size: 0 });
    }
    const stream: any = { node, flags: flags & ~(EXCL | TRUNC), fd: this.streams.length, shared: {} };
    this.streams.push(stream);
    node.stream_ops.open(stream);
    return stream;
  }

  closeStream(fd: number): void {
    this.streams[fd] = null;
  }
}

/** A drive in one object, and what others do before it answers its next requests. */
class Host implements DriveChannel {
  readonly files = new Map<string, Uint8Array>();
  readonly folders = new Set<string>();
  readonly asked: string[] = [];
  readonly before: ((request: DriveRequest) => void)[] = [];
  readonly uploads = new Map<string, Uint8Array[]>();
  pieces: number | undefined;
  isOld = false;
  largest = 0;

  ask(request: DriveRequest): unknown {
    this.asked.push(request.method);
    this.before.shift()?.(request);
    const name = request.path.replace(/^\//, '');
    const data = (request.data ?? {}) as any;
    const bytes = this.files.get(name);
    switch (request.method) {
      case 'lookup': {
        const isThere = name === '' || bytes || this.folders.has(name);
        const mode = bytes ? FILE : FOLDER;
        return isThere ? { ok: true, mode, stat: { size: bytes?.length ?? 0 }, pieces: this.pieces } : { ok: false };
      }
      case 'mknod':
        if (bytes && !this.isOld && data.exclusive === false) {
          return { made: false };
        }
        this.refuse(bytes || this.folders.has(name), 'EEXIST');
        this.files.set(name, new Uint8Array(0));
        return null;
      case 'get': {
        this.refuse(!bytes, 'ENOENT');
        const piece = data.offset === undefined ? bytes : bytes?.slice(data.offset, data.offset + data.length);
        const content = toBase64(piece as Uint8Array);
        return { content, format: 'base64', ...(data.offset !== undefined && { size: bytes?.length, version: this.version }) };
      }
      case 'put':
        this.put(name, fromBase64(data.data), data.piece);
        return null;
      case 'rmdir':
        this.refuse(!this.files.delete(name), 'ENOENT');
        return null;
      default:
        return {};
    }
  }

  version = 'v1';

  private put(name: string, bytes: Uint8Array, piece?: { upload: string; offset: number; size: number }): void {
    this.largest = Math.max(this.largest, bytes.length);
    if (!piece) {
      this.files.set(name, bytes);
      return;
    }
    const parts = [...(this.uploads.get(piece.upload) ?? []), bytes];
    assert.equal(piece.offset, parts.slice(0, -1).reduce((sum, part) => sum + part.length, 0));
    this.uploads.set(piece.upload, parts);
    if (piece.offset + bytes.length === piece.size) {
      this.files.set(name, new Uint8Array(Buffer.concat(parts)));
    }
  }

  private refuse(isRefused: unknown, code: DriveErrorCode): void {
    if (isRefused) {
      throw new DriveError(code, code);
    }
  }
}

function mounted(configure: (host: Host) => void = () => undefined) {
  const FS = new SmallFS();
  const host = new Host();
  configure(host);
  const troubles: unknown[] = [];
  const drive = new LiteDriveFS({
    FS: FS as never,
    PATH: {
      join: (...parts: string[]) => parts.join('/').replace(/\/+/g, '/'),
      join2: (one: string, two: string) => `${one}/${two}`,
    },
    ERRNO_CODES: ERRNO,
    baseUrl: '',
    driveName: '',
    mountpoint: '/drive',
    channel: host,
    onTrouble: (error: unknown) => troubles.push(error),
  } as never);
  drive.API.find('/');
  FS.root = drive.mount({ mountpoint: '/drive' } as never);
  drive.names.watch();
  const fs = FS as any;
  const write = (stream: any, bytes: Uint8Array) => drive.stream_ops.write(stream, bytes, 0, bytes.length, 0);
  return { host, drive, troubles, fs, write, close: (stream: any) => drive.stream_ops.close(stream) };
}

function fails(code: DriveErrorCode) {
  return (error: unknown): true => {
    assert.ok(error instanceof ErrnoError, String(error));
    assert.equal(error.errno, ERRNO[code]);
    return true;
  };
}

for (const isOld of [false, true]) {
  const kind = isOld ? 'a drive that only knows making' : 'a drive that makes or leaves';

  test(`a file that another kernel makes between look and deed is opened, on ${kind}`, () => {
    for (const [flags, expected] of [[WRONLY | CREAT | TRUNC, ''], [RDWR | CREAT, 'theirs']] as const) {
      const { host, fs, close } = mounted(host => (host.isOld = isOld));
      host.before.push(() => undefined, () => host.files.set('f', utf8('theirs')));
      const stream = fs.open('f', flags);
      assert.equal(text(stream.file.data), expected);
      close(stream);
      assert.equal(text(host.files.get('f') as Uint8Array), expected);
    }
  });

  test(`and one that goes and comes all the time, too, on ${kind}`, () => {
    const { host, fs } = mounted(host => (host.isOld = isOld));
    // Made before the making, removed before the reading, and so on.
    host.before.push(
      () => undefined,
      ...[1, 2, 3].flatMap(() => [
        () => host.files.set('f', utf8('theirs')),
        () => host.files.delete('f'),
      ])
    );
    const stream = fs.open('f', RDWR | CREAT);
    assert.ok(stream.file);
    assert.ok(host.files.has('f'));
  });

  test(`only an exclusive opening is told that it exists, on ${kind}`, () => {
    const { host, fs } = mounted(host => (host.isOld = isOld));
    host.before.push(() => undefined, () => host.files.set('f', utf8('theirs')));
    assert.throws(() => fs.open('f', WRONLY | CREAT | EXCL), fails('EEXIST'));
    assert.throws(() => fs.mknod('f', FILE), fails('EEXIST'));
    assert.equal(text(host.files.get('f') as Uint8Array), 'theirs');
  });

  test(`a folder that comes between is a folder, on ${kind}`, () => {
    const { host, fs } = mounted(host => (host.isOld = isOld));
    host.before.push(() => undefined, () => host.folders.add('f'));
    assert.throws(() => fs.open('f', WRONLY | CREAT | TRUNC), fails('EISDIR'));
  });
}

test('a large file goes and comes in pieces', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => at);
  const { host, fs, write, close } = mounted(host => (host.pieces = 30));
  const stream = fs.open('f', WRONLY | CREAT | TRUNC);
  write(stream, bytes);
  close(stream);
  assert.deepEqual(host.files.get('f'), bytes);
  assert.equal(host.largest, 30);
  assert.deepEqual(fs.open('f', 0).file.data, bytes);
  assert.equal(host.asked.filter(method => method === 'get').length, 4);
});

test('a file that changes between its pieces is begun anew, and never a mixture', () => {
  const { host, fs } = mounted(host => (host.pieces = 30));
  host.files.set('f', new Uint8Array(60).fill(1));
  host.before.push(
    () => undefined,
    () => undefined,
    () => {
      host.files.set('f', new Uint8Array(60).fill(2));
      host.version = 'v2';
    }
  );
  assert.deepEqual(fs.open('f', 0).file.data, new Uint8Array(60).fill(2));
  const changing = mounted(host => (host.pieces = 30));
  changing.host.files.set('f', new Uint8Array(60));
  changing.host.before.push(...Array.from({ length: 50 }, (_, at) => () => (changing.host.version = String(at))) as never[]);
  assert.throws(() => changing.fs.open('f', 0), fails('EIO'));
});

test('what a drive of before cannot take at once is EFBIG, and stays to be written', () => {
  const { host, fs, drive } = mounted(host => host.files.set('f', utf8('before')));
  const stream = fs.open('f', RDWR);
  const huge = { length: 403 << 20, subarray: () => assert.fail('no drive takes it'), toBase64: () => assert.fail('too long') };
  Object.assign(stream.file, { data: huge, isDirty: true });
  assert.throws(() => drive.stream_ops.close(stream), fails('EFBIG'));
  assert.equal(text(host.files.get('f') as Uint8Array), 'before');
});

test('no error but Emscripten’s own reaches the program: another would end the kernel', () => {
  const { host, fs, drive, troubles } = mounted(host => host.files.set('f', utf8('f')));
  const stream = fs.open('f', RDWR);
  const breaks = (error: Error) => () => {
    throw error;
  };
  stream.file = { get data(): never { throw new RangeError('Array buffer allocation failed'); } };
  assert.throws(() => drive.stream_ops.write(stream, new Uint8Array(1), 0, 1, 0), fails('EFBIG'));
  host.before.push(breaks(new TypeError('a bug')));
  assert.throws(() => drive.node_ops.mknod(fs.root, 'g', FILE, 0), fails('EIO'));
  host.before.push(breaks(new RangeError('Invalid string length')));
  assert.throws(() => drive.node_ops.readdir(fs.root), fails('EFBIG'));
  host.before.push(breaks(new TypeError('Invalid string length')));
  assert.throws(() => drive.node_ops.readdir(fs.root), fails('EFBIG'));
  host.ask = () => [{}] as never;
  assert.throws(() => drive.node_ops.getattr({ parent: null } as never), fails('EIO'));
  assert.equal((troubles[0] as DriveError).code, 'EIO');
});

test('a rename that the drive refuses leaves the target as it is, also to who has it open', () => {
  const { host, fs, drive, write, close } = mounted(({ files }) => files.set('from', utf8('new')).set('to', utf8('old')));
  const stream = fs.open('to', RDWR);
  const from = fs.lookupNode(fs.root, 'from');
  host.before.push(() => {
    throw new DriveError('ENOSPC', 'full');
  });
  assert.throws(() => drive.node_ops.rename(from, fs.root, 'to'), fails('ENOSPC'));
  assert.equal(host.asked.at(-1), 'rename');
  write(stream, utf8('own'));
  close(stream);
  assert.equal(text(host.files.get('to') as Uint8Array), 'own');
});

test('a piece is what the drive takes, and no more than ours', () => {
  for (const [said, asked] of [[undefined, undefined], [1000, 1000], [1 << 30, PIECE_BYTES]] as const) {
    const { host, fs } = mounted(host => (host.pieces = said));
    host.files.set('f', utf8('f'));
    let length: unknown;
    host.before.push(() => undefined, ({ data }) => (length = data?.['length']));
    fs.open('f', 0);
    assert.equal(length, asked);
  }
});
