// Builds what runs in the browser and in Node into dist/, and with --tests the unit tests into .build/.
import { copyFile, readdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const common = {
  absWorkingDir: here,
  bundle: true,
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'eof',
  logLevel: 'warning',
};

async function buildRuntime() {
  await rm(new URL('dist', import.meta.url), { recursive: true, force: true });
  // See src/drive/uuid.ts.
  const alias = { '@lumino/coreutils': './src/drive/uuid.ts' };
  const shipped = { ...common, minify: true, keepNames: false, alias };
  await Promise.all([
    // A classic worker: the kernels' glue comes by importScripts.
    build({ ...shipped, entryPoints: ['src/host/worker.ts'], outfile: 'dist/worker.js', format: 'iife' }),
    build({ ...shipped, entryPoints: ['src/host/page-host.ts'], outfile: 'dist/page-host.js', format: 'iife' }),
    build({
      ...shipped,
      entryPoints: ['src/host/node-host.ts', 'src/host/node-worker.ts'],
      outdir: 'dist',
      outExtension: { '.js': '.mjs' },
      format: 'esm',
      platform: 'node',
      target: 'node20',
    }),
    // The console page; lite_env/site fills index.html and the service worker's first line.
    build({ ...shipped, entryPoints: ['src/page/page.ts'], outfile: 'dist/page.js', format: 'esm' }),
    build({ ...shipped, entryPoints: ['src/page/page.css'], outfile: 'dist/page.css' }),
    build({ ...shipped, entryPoints: ['src/service-worker.ts'], outfile: 'dist/sw.js', format: 'iife' }),
  ]);
  await copyFile(new URL('src/page/index.html', import.meta.url), new URL('dist/index.html', import.meta.url));
}

async function buildTests() {
  await rm(new URL('.build', import.meta.url), { recursive: true, force: true });
  const tests = (await readdir(new URL('test', import.meta.url))).filter(name => name.endsWith('.test.ts'));
  await build({
    ...common,
    entryPoints: tests.map(name => `test/${name}`),
    outdir: '.build',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    // Libraries that @jupyterlite/services brings are CommonJS and ask for Node's own modules.
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
  });
}

await (process.argv.includes('--tests') ? buildTests() : buildRuntime());
