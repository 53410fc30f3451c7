import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError } from '../src/errors';
import { hasFileSystem } from '../src/fs/emscripten';
import { LazyTree } from '../src/fs/lazy';
import { parseTree } from '../src/pack/tree';
import { EIO, MemoryFileSystem } from './support/memfs';
import { text, utf8 } from './support/pack';

const ARCHIVE = 'hello world, this is the archive';
const RAW_SIZE = 100; // more than its files have together
const TREE = {
  lib: {
    'hello.txt': [5, 0, 0],
    'world.txt': [5, 0, 6],
    'run.sh': [4, 0, 13, 1],
    'empty.txt': [0, 0, 0],
    'link.txt': 'hello.txt',
    'mod.pyc': [3, 0, 0],
    'more.pyc': [3, 0, 6],
    'third.pyc': [2, 0, 9],
    'mod.so': [2, 0, 3],
    deep: { er: { 'x.txt': [7, 0, 25] } },
  },
  'top.txt': [5, 0, 0],
};

function mounted({ prefix = '/', prepare = (_: MemoryFileSystem) => {}, watchEmpty = false, waitingBytes = 0 } = {}) {
  const fs = new MemoryFileSystem();
  prepare(fs);
  const reads: string[] = [];
  const opened: string[] = [];
  const errors: unknown[] = [];
  const state = { broken: false };
  const archives = [{ path: 'a', size: 1, sha256: '', digest: '', rawSize: RAW_SIZE, load: 'demand' as const }];
  const tree = new LazyTree(fs.module, {
    readFile: ({ offset, size }) => {
      if (state.broken) {
        throw new BootError('NetworkFailed', 'gone', { file: 'archives/a' });
      }
      reads.push(ARCHIVE.slice(offset, offset + size));
      return utf8(ARCHIVE).slice(offset, offset + size);
    },
    onFirstOpen: path => opened.push(path),
    watchEmpty,
    waitingBytes,
    onError: error => errors.push(error),
  });
  tree.mount(parseTree(utf8(JSON.stringify({ needed: {}, tree: TREE })), 'index', archives).root, prefix);
  return { fs, tree, reads, opened, errors, state };
}

const errno = (number: number) => (error: unknown) => (error as { errno?: number }).errno === number;

test('a tree shows names, sizes, modes and links without a read', () => {
  const { fs, reads, tree } = mounted();
  assert.deepEqual(fs.readdir('/lib').sort(), ['deep', 'empty.txt', 'hello.txt', 'link.txt', 'mod.pyc', 'mod.so', 'more.pyc', 'run.sh', 'third.pyc', 'world.txt']);
  assert.equal(fs.lookupPath('/lib/hello.txt').node.usedBytes, 5);
  assert.equal(fs.lookupPath('/lib/hello.txt').node.mode & 0o777, 0o644);
  assert.equal(fs.lookupPath('/lib/run.sh').node.mode & 0o777, 0o755);
  assert.equal(fs.readlink('/lib/link.txt'), 'hello.txt');
  assert.deepEqual(reads, []);
  assert.equal(tree.filled, 0);
});

test('the first opening of an empty file is told when it is asked for', () => {
  for (const watchEmpty of [false, true]) {
    const { fs, opened } = mounted({ watchEmpty });
    assert.equal(fs.readFile('/lib/empty.txt').length, 0);
    assert.equal(fs.readFile('/lib/empty.txt').length, 0);
    assert.deepEqual(opened, watchEmpty ? ['lib/empty.txt'] : []);
  }
});

test('every entry has one fixed time, under the name of every generation', () => {
  const { fs } = mounted();
  for (const path of ['/lib', '/lib/hello.txt', '/lib/deep/er/x.txt']) {
    const { timestamp, atime, mtime, ctime } = fs.lookupPath(path).node;
    assert.deepEqual([timestamp, atime, mtime, ctime], Array(4).fill(Date.UTC(1980, 0, 1)));
  }
});

test('open fills once; later opens are ordinary', () => {
  const { fs, reads, opened, tree } = mounted();
  assert.equal(text(fs.readFile('/lib/world.txt')), 'world');
  assert.equal(text(fs.readFile('/lib/world.txt')), 'world');
  assert.deepEqual(reads, ['world']);
  assert.deepEqual(opened, ['lib/world.txt']);
  assert.equal(tree.filled, 1);
  const ordinary = fs.filesystems.MEMFS.ops_table.file;
  const { node_ops, stream_ops } = fs.lookupPath('/lib/world.txt').node;
  assert.equal(node_ops, ordinary.node);
  assert.equal(stream_ops, ordinary.stream);
});

test('the first stream itself reads and writes', () => {
  const { fs } = mounted();
  const stream = fs.open('/lib/hello.txt', 'r+');
  fs.write(stream, utf8('J'));
  assert.equal(text(fs.read(stream)), 'Jello');
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'Jello');
});

test('appending starts from the packed contents', () => {
  const { fs } = mounted();
  const stream = fs.open('/lib/hello.txt', 'a');
  fs.write(stream, utf8('!'), stream.node.usedBytes);
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'hello!');
});

test('an empty file is an ordinary one from the start', () => {
  const { fs, reads } = mounted();
  assert.equal(fs.readFile('/lib/empty.txt').length, 0);
  assert.deepEqual(reads, []);
});

test('truncation to nothing and open for writing ask for no contents', () => {
  const { fs, reads, tree, state } = mounted();
  state.broken = true;
  fs.truncate('/lib/hello.txt', 0);
  fs.write(fs.open('/lib/world.txt', 'w'), utf8('new'));
  assert.equal(fs.readFile('/lib/hello.txt').length, 0);
  assert.equal(text(fs.readFile('/lib/world.txt')), 'new');
  assert.deepEqual(reads, []);
  assert.equal(tree.filled, 0);
});

test('truncation to another size keeps the packed start', () => {
  const { fs, reads } = mounted();
  fs.truncate('/lib/hello.txt', 2);
  fs.truncate('/lib/world.txt', 7);
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'he');
  assert.equal(text(fs.readFile('/lib/world.txt')), 'world\0\0');
  assert.deepEqual(reads, ['hello', 'world']);
});

test('chmod and utime fill nothing and keep the file lazy', () => {
  const { fs, reads } = mounted();
  fs.chmod('/lib/hello.txt', 0o600);
  fs.utime('/lib/hello.txt', 1234);
  assert.equal(fs.lookupPath('/lib/hello.txt').node.mode & 0o777, 0o600);
  assert.equal(fs.lookupPath('/lib/hello.txt').node.timestamp, 1234);
  assert.deepEqual(reads, []);
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'hello');
});

test('a library gives its bytes back when it is closed for the first time, and has them again when it is opened', () => {
  const { fs, reads, opened, tree } = mounted();
  const { node } = fs.lookupPath('/lib/mod.so');
  assert.equal(text(fs.readFile('/lib/mod.so')), 'lo');
  assert.deepEqual([node.contents, node.usedBytes], [null, 2]);
  for (let time = 0; time < 2; time += 1) {
    assert.equal(text(fs.readFile('/lib/mod.so')), 'lo');
    assert.equal(text(node.contents as Uint8Array), 'lo');
  }
  assert.deepEqual(reads, ['lo', 'lo']);
  assert.deepEqual(opened, ['lib/mod.so']);
  assert.equal(tree.filled, 2);
});

test('bytecode that is read again soon stays', () => {
  const { fs, reads } = mounted({ waitingBytes: 3 });
  fs.readFile('/lib/mod.pyc');
  fs.readFile('/lib/mod.pyc');
  fs.readFile('/lib/more.pyc');
  fs.readFile('/lib/third.pyc');
  assert.equal(text(fs.lookupPath('/lib/mod.pyc').node.contents as Uint8Array), 'hel');
  assert.deepEqual(reads, ['hel', 'wor', 'ld']);
});

test('bytecode that was read longest ago gives its bytes back to what was read since', () => {
  const { fs, reads } = mounted({ waitingBytes: 5 });
  const contents = (name: string) => fs.lookupPath(`/lib/${name}`).node.contents;
  fs.readFile('/lib/mod.pyc');
  fs.readFile('/lib/third.pyc');
  assert.notEqual(contents('mod.pyc'), null);
  fs.readFile('/lib/more.pyc');
  assert.deepEqual([contents('mod.pyc'), contents('third.pyc') === null, contents('more.pyc') === null], [null, false, false]);
  assert.equal(text(fs.readFile('/lib/mod.pyc')), 'hel');
  assert.deepEqual(reads, ['hel', 'ld', 'wor', 'hel']);
});

test('a module that is open elsewhere keeps its bytes', () => {
  const { fs, reads } = mounted();
  const one = fs.open('/lib/mod.pyc');
  const other = fs.open('/lib/mod.pyc');
  const third = fs.duplicate(one);
  fs.close(one);
  fs.close(other);
  assert.equal(text(fs.read(third)), 'hel');
  fs.close(third);
  assert.equal(third.node.contents, null);
  assert.deepEqual(reads, ['hel']);
});

test('a module that somebody changed stays as it was changed', () => {
  const { fs, reads } = mounted();
  const stream = fs.open('/lib/mod.pyc', 'r+');
  fs.write(stream, utf8('J'));
  fs.close(stream);
  assert.equal(text(fs.readFile('/lib/mod.pyc')), 'Jel');
  const open = fs.open('/lib/mod.so', 'r+');
  fs.truncate('/lib/mod.so', 1);
  fs.close(open);
  assert.equal(text(fs.readFile('/lib/mod.so')), 'l');
  assert.deepEqual(reads, ['hel', 'lo']);
});

test('a module that is mapped keeps its bytes', () => {
  const { fs, reads } = mounted();
  const stream = fs.open('/lib/mod.so');
  stream.stream_ops.mmap?.(stream);
  fs.close(stream);
  assert.equal(text(fs.readFile('/lib/mod.so')), 'lo');
  assert.deepEqual(reads, ['lo']);
});

test('a failed read is EIO, leaves no stream, tells why, and a later open works', () => {
  const { fs, errors, state, tree } = mounted();
  state.broken = true;
  assert.throws(() => fs.open('/lib/hello.txt'), errno(EIO));
  assert.throws(() => fs.truncate('/lib/hello.txt', 2), errno(EIO));
  assert.equal(fs.openStreams, 0);
  assert.equal(tree.filled, 0);
  assert.deepEqual(
    errors.map(error => (error as BootError).name),
    ['NetworkFailed', 'NetworkFailed']
  );
  assert.equal(fs.lookupPath('/lib/hello.txt').node.usedBytes, 5);
  state.broken = false;
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'hello');
});

test('a library that needs one which is not there is EIO too', () => {
  const fs = new MemoryFileSystem();
  const tree = new LazyTree(fs.module, {
    readFile: () => utf8('x'),
    onFirstOpen: () => {
      throw new BootError('AbiMismatch', 'needs libb.so');
    },
    onError: () => undefined,
  });
  const archives = [{ path: 'a', size: 1, sha256: '', digest: '', rawSize: 1, load: 'demand' as const }];
  tree.mount(parseTree(utf8('{"needed": {}, "tree": {"liba.so": [1, 0, 0]}}'), 'index', archives).root, '/');
  assert.throws(() => fs.open('/liba.so'), errno(EIO));
  assert.equal(fs.openStreams, 0);
});

test('a file that was renamed before its first open fills under its new name', () => {
  const { fs } = mounted();
  fs.rename('/lib/hello.txt', '/moved.txt');
  assert.equal(fs.exists('/lib/hello.txt'), false);
  assert.equal(text(fs.readFile('/moved.txt')), 'hello');
});

test('a file that was removed is gone, and a new one there is its own', () => {
  const { fs, reads } = mounted();
  fs.unlink('/lib/hello.txt');
  assert.throws(() => fs.open('/lib/hello.txt'), errno(44));
  fs.write(fs.open('/lib/hello.txt', 'w'), utf8('mine'));
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'mine');
  assert.deepEqual(reads, []);
});

test('a link fills its target', () => {
  const { fs, reads } = mounted();
  assert.equal(text(fs.readFile('/lib/link.txt')), 'hello');
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'hello');
  assert.deepEqual(reads, ['hello']);
});

test('folders that are there keep what they hold; files there are replaced', () => {
  const { fs } = mounted({
    prepare: fs => {
      fs.mkdirTree('/lib/deep');
      fs.write(fs.open('/lib/deep/mine.txt', 'w'), utf8('mine'));
      fs.write(fs.open('/lib/hello.txt', 'w'), utf8('old and longer'));
    },
  });
  assert.deepEqual(fs.readdir('/lib/deep').sort(), ['er', 'mine.txt']);
  assert.equal(text(fs.readFile('/lib/deep/mine.txt')), 'mine');
  assert.equal(text(fs.readFile('/lib/hello.txt')), 'hello');
});

test('a prefix is made where it is missing', () => {
  const { fs } = mounted({ prefix: '/opt/env' });
  assert.equal(text(fs.readFile('/opt/env/lib/deep/er/x.txt')), 'archive');
  assert.deepEqual(fs.readdir('/opt'), ['env']);
});

test('only a module with FS has a file system', () => {
  assert.equal(hasFileSystem({}), false);
  assert.equal(hasFileSystem(new MemoryFileSystem().module), true);
});
