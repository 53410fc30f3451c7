import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Phase } from '../src/protocol';
import { askedFor, choiceKey, choiceLabel, choicesOf, type PageConfig } from '../src/page/config';
import { bytesText } from '../src/page/dom';
import { keepDraft } from '../src/page/draft';
import { History } from '../src/page/history';
import { refused } from '../src/page/policy';
import { codePoints, utf16Position } from '../src/page/positions';
import { advance, fileLabel, NOTHING, phaseText } from '../src/page/progress';
import { siteStorage } from '../src/page/site-storage';
import { Storage } from '../src/page/storage';
import { ansiToHtml, applyControls, settleControls } from '../src/page/terminal';

describe('what a policy refuses', () => {
  const page = 'https://x.org/a/index.html';
  const of = (effectiveDirective: string, blockedURI: string, disposition = 'enforce') =>
    refused({ effectiveDirective, blockedURI, disposition }, page);

  test('the directive is named, what was refused, and what it must allow', () => {
    const worker = of('worker-src', 'https://x.org/a/runtime/1/worker.js');
    assert.match(worker?.message ?? '', /refuses "runtime\/1\/worker\.js" by worker-src$/);
    assert.match(worker?.hint ?? '', /worker-src 'self'/);
    assert.match(of('script-src-elem', 'https://x.org/b.js')?.message ?? '', /"https:\/\/x\.org\/b\.js" by script-src$/);
    assert.match(of('script-src', 'wasm-eval')?.hint ?? '', /'unsafe-eval'/);
    assert.match(of('img-src', 'data')?.message ?? '', /refuses data: addresses by img-src$/);
    assert.match(of('media-src', 'https://x.org/a/b')?.hint ?? '', /allow it in media-src/);
  });

  test('what is only reported was not refused', () => assert.equal(of('worker-src', 'data', 'report'), null));
});

test('a draft outlives the page once, whatever became of the page', () => {
  const values: Record<string, string> = {};
  const storage = { get: (key: string) => values[key] ?? null, set: (key: string, value: string) => void (values[key] = value) };
  const first = new EventTarget();
  const input = { value: '' };
  assert.equal(keepDraft(storage, 'key', input, first), null);
  input.value = 'x = 1\n';
  first.dispatchEvent(new Event('pagehide'));
  const second = new EventTarget();
  assert.equal(keepDraft(storage, 'key', { value: '' }, second), 'x = 1\n');
  second.dispatchEvent(new Event('pagehide'));
  assert.equal(keepDraft(storage, 'key', { value: '' }, new EventTarget()), null);
});

describe('history', () => {
  const storageOf = (values: Record<string, string> = {}) => ({
    get: (key: string) => values[key] ?? null,
    set: (key: string, value: string) => {
      values[key] = value;
    },
  });

  test('the arrows walk back and forth, with the draft at the end', () => {
    const history = new History(storageOf(), 'key');
    history.add('a = 1');
    history.add('b = 2');
    assert.equal(history.back('draft'), 'b = 2');
    assert.equal(history.back('b = 2'), 'a = 1');
    assert.equal(history.back('a = 1'), null);
    assert.equal(history.forward(), 'b = 2');
    assert.equal(history.forward(), 'draft');
    assert.equal(history.forward(), null);
  });

  test('repetitions and empty lines are not kept, and no more than 500', () => {
    const values: Record<string, string> = {};
    const history = new History(storageOf(values), 'key');
    for (const code of ['x', 'x', '  ', 'y']) {
      history.add(code);
    }
    assert.deepEqual(JSON.parse(values['key'] as string), ['x', 'y']);
    Array.from({ length: 600 }, (_, at) => history.add(`cell ${at}`));
    const kept = JSON.parse(values['key'] as string) as string[];
    assert.deepEqual([kept.length, kept.at(-1)], [500, 'cell 599']);
  });

  test('it outlives the page, and starts empty where the storage holds something else', () => {
    const values: Record<string, string> = {};
    new History(storageOf(values), 'key').add('x');
    assert.equal(new History(storageOf(values), 'key').back(''), 'x');
    for (const text of ['{', '{"a":1}', '[1]', 'null']) {
      assert.equal(new History(storageOf({ key: text }), 'key').back(''), null);
    }
  });
});

test('bytes as people read them', () => {
  assert.deepEqual([0, 99, 100, 99_949, 123_456, 999_999, 12_345_678].map(bytesText), [
    '0 B',
    '99 B',
    '0.1 kB',
    '99.9 kB',
    '123 kB',
    '1000 kB',
    '12.3 MB',
  ]);
});

test('values live as long as the page where the browser forbids storage', () => {
  const storage = new Storage(() => {
    throw new DOMException('denied', 'SecurityError');
  });
  assert.equal(storage.get('key'), null);
  storage.set('key', 'value');
  assert.equal(storage.get('key'), 'value');
});

describe('progress', () => {
  const of = (phase: Phase, file: string, loaded: number, total: number) => ({ phase, file, loaded, total });

  test('bytes are summed over files, and the phase never goes back', () => {
    const steps = [
      of('manifest', 'manifest.json', 50, 50),
      of('kernel', 'k.wasm', 0, 1000),
      of('archive', 'archives/a', 10, 200),
      of('index', 'index', 5, 5),
      of('kernel', 'k.wasm', 600, 1000),
    ];
    const progress = steps.reduce(advance, NOTHING);
    assert.equal(progress.phase, 'archive');
    assert.deepEqual([progress.loaded, progress.total], [665, 1255]);
    assert.deepEqual(
      progress.files.map(({ loaded }) => loaded),
      [50, 600, 10, 5]
    );
  });

  test('the interpreter is a phase, not a file', () => {
    const progress = advance(NOTHING, of('interpreter', 'k.js', 0, 0));
    assert.deepEqual([progress.phase, progress.files.length], ['interpreter', 0]);
    assert.equal(phaseText('interpreter'), 'starting the interpreter');
  });

  test('labels leave long digests out', () => {
    const digest = '0123456789abcdef'.repeat(4);
    assert.equal(fileLabel(`archives/${digest}.tar.zst`), 'archive 01234567');
    assert.equal(fileLabel(`index-${digest}.json.zst`), 'file index');
    assert.equal(fileLabel('kernels/xpython/xpython-ce6fe2b942301bc3.wasm'), 'xpython.wasm');
    assert.equal(fileLabel('manifest.json'), 'manifest.json');
  });
});

describe('terminal text', () => {
  test('colours are classes, and text is never markup', () => {
    assert.equal(ansiToHtml('\x1b[31mred\x1b[0m <b>&'), '<span class="ansi-red-fg">red</span> &lt;b&gt;&amp;');
  });

  test('colours of the larger palettes are variables for both colour schemes', () => {
    assert.match(ansiToHtml('\x1b[38;5;21mblue\x1b[0m'), /style="--ink-wanted:rgb\(0,0,255\)"/);
    assert.match(
      ansiToHtml('\x1b[38;2;1;2;3;48;2;4;5;6mx'),
      /--ink-wanted:rgb\(1,2,3\);\s*background-color:rgb\(4,5,6\)/
    );
    assert.doesNotMatch(ansiToHtml('\x1b[48;2;4;5;6mx'), /ink-wanted/);
  });

  test('a carriage return writes over the line, a backspace over a character', () => {
    assert.equal(applyControls('10%\r20%\r100%\ndone'), '100%\ndone');
    assert.equal(applyControls('longer\rab'), 'abnger');
    assert.equal(applyControls('longer\r\x1b[Kab'), 'ab');
    assert.equal(applyControls('abc\b\bX'), 'aXc');
    assert.equal(applyControls('windows\r\nline'), 'windows\nline');
    assert.equal(applyControls('\x1b[32m50%\x1b[0m\r\x1b[31m99%'), '\x1b[0m\x1b[31m99%');
  });

  test('a carriage return at the end still acts on what comes next', () => {
    let text = '';
    for (const piece of ['10%\r', '20%\r', '100%\r']) {
      text = settleControls(text + piece);
    }
    assert.equal(text, '100%\r');
    assert.equal(applyControls(text), '100%');
    assert.equal(applyControls(settleControls(`${text}\nnext`)), '100%\nnext');
  });
});

describe('positions', () => {
  test('Jupyter counts characters, JavaScript UTF-16 units', () => {
    assert.equal(codePoints('𝒙.up'), 4);
    assert.equal(utf16Position('𝒙.up', 2), 3);
    assert.equal(utf16Position('ab', 9), 2);
  });
});

describe('what there is to choose', () => {
  const kernel = (name: string) => ({ name, display_name: name.toUpperCase(), language: 'x', worker: 'classic' as const });
  const config: PageConfig = {
    environments: [
      { name: 'one two', manifest: 'packs/one two/manifest.json', kernels: [kernel('py'), kernel('lua')] },
      { name: 'bare', manifest: 'packs/bare/manifest.json', kernels: [] },
    ],
    runtime: 'runtime/0/',
    drive: { kind: 'none' },
    serviceWorker: null,
  };

  test('every kernel of every environment, each with an address of its own', () => {
    const choices = choicesOf(config);
    assert.deepEqual(choices.map(choiceKey), ['one%20two', 'one%20two/lua', 'bare']);
    assert.deepEqual(choices.map(choiceLabel), ['one two · PY', 'one two · LUA', 'bare']);
    for (const choice of choices) {
      assert.deepEqual(askedFor(choices, `#${choiceKey(choice)}`), { choice });
    }
  });

  test('an address that names none means the first; a site without any has none', () => {
    const choices = choicesOf(config);
    assert.deepEqual(askedFor(choices, ''), { choice: choices[0] });
    assert.deepEqual(askedFor(choices, '#'), { choice: choices[0] });
    assert.equal(askedFor([], ''), null);
  });

  test('an environment is its first kernel, which may be named too, escaped or as people write it', () => {
    const choices = choicesOf(config);
    for (const hash of ['#one%20two', '#one two', '#one%20two/py', '#one two/py']) {
      assert.deepEqual(askedFor(choices, hash), { choice: choices[0] }, hash);
    }
    assert.deepEqual(askedFor(choices, '#one two/lua'), { choice: choices[1] });
  });

  test('names with characters that an address gives a meaning', () => {
    const names = ['a/b', '100%', 'ü#?&', '%', '50%41'];
    const environments = names.map(name => ({ name, manifest: '', kernels: [kernel('c++ / 17'), kernel('%25')] }));
    const choices = choicesOf({ ...config, environments });
    for (const choice of choices) {
      const { environment, kernel } = choice;
      // As a browser hands over what was typed: some characters escaped, others not.
      const typed = new URL(`http://x/#${environment.name}/${kernel?.name}`).hash;
      assert.deepEqual(askedFor(choices, `#${choiceKey(choice)}`), { choice });
      assert.deepEqual(
        askedFor(choices, `#${encodeURIComponent(environment.name)}/${encodeURIComponent(kernel?.name ?? '')}`),
        { choice }
      );
      assert.deepEqual(askedFor(choices, typed), { choice }, typed);
    }
  });

  test('what is not there is said, and nothing else chosen', () => {
    const choices = choicesOf(config);
    for (const name of ['gone', 'one%20two/gone', 'bare/gone', 'py', 'one', '/', 'One%20two', 'constructor', '%E0%A4%A']) {
      const asked = askedFor(choices, `#${name}`);
      assert.ok(asked && 'unknown' in asked, name);
    }
    assert.deepEqual(askedFor(choices, '#f%C3%BCr%20mich'), { unknown: 'für mich' });
  });
});

test('sites in other folders of an origin have other storages, names that were given stay', () => {
  const storage = (pathname: string, name = '') => siteStorage(name, { pathname });
  assert.deepEqual(storage('/a/'), { name: '/a/', takesOver: '' });
  assert.deepEqual(storage('/a/index.html'), storage('/a/'));
  assert.deepEqual(storage('/'), { name: '/', takesOver: '' });
  assert.notEqual(storage('/a/').name, storage('/a/b/').name);
  assert.deepEqual(storage('/a/', 'given'), { name: 'given' });
});
