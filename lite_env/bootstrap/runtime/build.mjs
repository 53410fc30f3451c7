// Builds what runs in the browser and in Node into dist/; with --tests the unit tests into .build/; with
// --script FILE.ts OUT.mjs one script that runs in Node.
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';

const here = fileURLToPath(new URL('.', import.meta.url));
/** `zstd-decoder`: the WebAssembly that zstddec carries, with its license; see src/io/zstd.ts. */
const zstdDecoder = {
  name: 'zstd-decoder',
  setup(builder) {
    const path = `${here}node_modules/zstddec/dist/zstddec-stream.mjs`;
    builder.onResolve({ filter: /^zstd-decoder$/ }, () => ({ path, namespace: 'zstd-decoder' }));
    builder.onLoad({ filter: /.*/, namespace: 'zstd-decoder' }, async () => {
      const text = await readFile(path, 'utf8');
      const found = /\/\*\*(\s*\* BSD License.*?)\*\/\s*const wasm = ("[A-Za-z0-9+/=]+")/s.exec(text);
      if (!found) {
        throw new Error(`${path} does not carry its WebAssembly as it did: see what this version does`);
      }
      return { contents: `/*!${found[1]}*/\nexport default ${found[2]};\n`, loader: 'js' };
    });
  },
};
/** A snapshot is of the runtime that made it. */
const sources = createHash('sha256');
for (const name of (await readdir(`${here}src`, { recursive: true })).sort()) {
  if (/\.(ts|py)$/.test(name)) {
    sources.update(name).update(await readFile(`${here}src/${name}`));
  }
}
const common = {
  define: { LITE_ENV_RUNTIME: JSON.stringify(sources.digest('hex')) },
  loader: { '.py': 'text' },
  plugins: [zstdDecoder],
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
    // Loaded by a kernel's worker of either kind, and by Node's, when a cell first installs something.
    build({ ...shipped, entryPoints: ['src/installer/index.ts'], outfile: 'dist/installer.js', format: 'iife' }),
    build({
      ...shipped,
      entryPoints: ['src/installer/conda-solver.ts'],
      outfile: 'dist/conda-solver.js',
      format: 'iife',
      external: ['node:*'],
    }),
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
    build({ ...shipped, entryPoints: ['src/embed/index.ts'], outfile: 'dist/lite-env.mjs', format: 'esm' }),
    // The console page; lite_env/site fills index.html and the service worker's first line.
    build({ ...shipped, entryPoints: ['src/page/page.ts'], outfile: 'dist/page.js', format: 'esm' }),
    build({ ...shipped, entryPoints: ['src/page/page.css'], outfile: 'dist/page.css' }),
    build({ ...shipped, entryPoints: ['src/service-worker.ts'], outfile: 'dist/sw.js', format: 'iife' }),
    // JupyterLite's extension; lite_env/site fills its first line.
    build({ ...shipped, entryPoints: ['src/jupyterlite/index.ts'], outfile: 'dist/jupyterlite/remoteEntry.js', format: 'iife' }),
    // What stands in front of JupyterLite's service worker; see lite_env/site/isolation.py.
    build({ ...shipped, entryPoints: ['src/isolate/prelude.ts'], outfile: 'dist/jupyterlite/isolate.js', format: 'iife' }),
  ]);
  await declareTypes();
  await packEmbedding();
  await copyFile(new URL('src/page/index.html', import.meta.url), new URL('dist/index.html', import.meta.url));
}

// What lite-env.d.ts is made of: no module of ours that a page does not see.
const DECLARED = new Set(
  ['embed/index', 'embed/api', 'embed/browser-contents', 'errors', 'protocol', 'drive/channel', 'network/channel', 'network/grant'].map(
    name => `${name}.d.ts`
  )
);

/** lite-env.d.ts and its parts, with suffixes: Node's resolution wants them, bundlers' does not mind. */
async function declareTypes() {
  const { config } = ts.readConfigFile(`${here}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, here);
  const folders = { rootDir: `${here}src`, outDir: `${here}dist/types` };
  const emitted = { noEmit: false, declaration: true, emitDeclarationOnly: true, ...folders };
  const program = ts.createProgram([`${here}src/embed/index.ts`], { ...options, ...emitted });
  const files = [];
  program.emit(undefined, (name, text) => {
    const path = name.slice(`${here}dist/types/`.length);
    if (DECLARED.has(path)) {
      files.push([path, text.replace(/(from |import\()'(\.[^']+)'/g, "$1'$2.js'")]);
    }
  });
  files.push(['../lite-env.d.ts', "export * from './types/embed/index.js';\n"]);
  for (const [path, text] of files) {
    const url = new URL(`dist/types/${path}`, import.meta.url);
    await mkdir(new URL('.', url), { recursive: true });
    await writeFile(url, text);
  }
}

/** dist/embed/: the embedding API as a package folder, as `npm install DIR` and static hosts take it. */
async function packEmbedding() {
  const { version, license } = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));
  const own = {
    name: '@lite-env/embed',
    version,
    description: 'Starts a packed conda environment as a Jupyter kernel in a web page.',
    license,
    type: 'module',
    exports: {
      '.': { types: './lite-env.d.ts', default: './lite-env.mjs' },
      './sw.js': './sw.js',
      './worker.js': './worker.js',
      './installer.js': './installer.js',
      './conda-solver.js': './conda-solver.js',
    },
    types: './lite-env.d.ts',
    sideEffects: false,
  };
  const folder = new URL('dist/embed/', import.meta.url);
  await mkdir(folder, { recursive: true });
  for (const name of ['lite-env.mjs', 'lite-env.d.ts', 'worker.js', 'installer.js', 'conda-solver.js']) {
    await copyFile(new URL(`dist/${name}`, import.meta.url), new URL(name, folder));
  }
  await cp(new URL('dist/types', import.meta.url), new URL('types', folder), { recursive: true });
  // On a page of somebody else's it keeps no files, and carries the requests of kernels to their page.
  const site = JSON.stringify({ build: 'embed', drive: 'browser', files: {}, runtime: '' });
  const worker = await readFile(new URL('dist/sw.js', import.meta.url), 'utf8');
  await writeFile(new URL('sw.js', folder), `self.liteEnvSite = ${site};\n${worker}`);
  await writeFile(new URL('package.json', folder), `${JSON.stringify(own, null, 2)}\n`);
}

const forNode = { ...common, format: 'esm', platform: 'node', target: 'node20' };

async function buildTests() {
  await rm(new URL('.build', import.meta.url), { recursive: true, force: true });
  const tests = (await readdir(new URL('test', import.meta.url))).filter(name => name.endsWith('.test.ts'));
  await build({
    ...forNode,
    entryPoints: tests.map(name => `test/${name}`),
    outdir: '.build',
    outExtension: { '.js': '.mjs' },
    sourcemap: 'inline',
    // Libraries that @jupyterlite/services brings are CommonJS and ask for Node's own modules.
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
  });
}

const [what, ...files] = process.argv.slice(2);
if (what === '--tests') {
  await buildTests();
} else if (what === '--script') {
  await build({ ...forNode, entryPoints: [files[0]], outfile: files[1] });
} else {
  await buildRuntime();
}
