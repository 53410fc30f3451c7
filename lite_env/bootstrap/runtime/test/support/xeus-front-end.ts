/**
 * What jupyterlite-xeus 5.1 does with the folder `xeus` of a site, by the very code of its worker that takes packages to
 * pieces: the site's URL comes as JSON on stdin; what each kernel of it got goes as JSON to stdout.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrapEmpackPackedEnvironment, empackLockToMambajsLock } from '@emscripten-forge/mambajs-core';

type Files = Record<string, string>;
interface KernelSpec {
  readonly argv: readonly string[];
  readonly resources: Record<string, string>;
  readonly metadata?: { readonly shared?: Record<string, string> };
}
interface Got {
  readonly kernel: string;
  readonly env: string;
  /** SHA-256 by the name that the worker asks for. */
  readonly served: Files;
  /** SHA-256 by path in the kernel's file system. */
  readonly files: Files;
  readonly packages: readonly string[];
  readonly wheels: readonly string[];
}

const { site, wasm } = JSON.parse(readFileSync(0, 'utf8')) as { site: string; wasm: string };
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const realFetch = globalThis.fetch;
// Bundlers put the address of this file where its name stands in the code.
globalThis.fetch = async (input, init) => {
  const url = String(input);
  return url.startsWith('./')
    ? new Response(new Uint8Array(await readFile(join(wasm, url))), { headers: { 'content-type': 'application/wasm' } })
    : realFetch(input, init);
};

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`${url}: ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** As much of Emscripten's file system as that code uses; what MEMFS would refuse is refused. */
class FileSystem {
  readonly files = new Map<string, Uint8Array>();
  readonly folders = new Set(['/']);

  private clean(path: string): string {
    return `/${path.split('/').filter(Boolean).join('/')}`;
  }

  analyzePath(path: string): { exists: boolean } {
    const clean = this.clean(path);
    return { exists: this.folders.has(clean) || this.files.has(clean) };
  }

  mkdirTree(path: string): void {
    const parts = this.clean(path).split('/').filter(Boolean);
    parts.forEach((_, at) => {
      const folder = `/${parts.slice(0, at + 1).join('/')}`;
      if (this.files.has(folder)) {
        throw new Error(`${folder}: ENOTDIR`);
      }
      this.folders.add(folder);
    });
  }

  writeFile(path: string, data: Uint8Array): void {
    const clean = this.clean(path);
    const folder = clean.slice(0, clean.lastIndexOf('/')) || '/';
    if (!this.folders.has(folder) || this.folders.has(clean)) {
      throw new Error(`${clean}: ENOENT or EISDIR`);
    }
    if (this.files.has(clean)) {
      throw new Error(`${clean} comes twice`);
    }
    this.files.set(clean, data);
  }
}

async function start(kernel: string, env: string): Promise<Got> {
  const root = `${site}xeus/${env}`;
  const spec = JSON.parse(new TextDecoder().decode(await fetchBytes(`${root}/${kernel}/kernel.json`))) as KernelSpec;
  const script = `${site}${spec.argv[0]}`;
  const served: Files = { script: sha256(await fetchBytes(script)) };
  served['wasm'] = sha256(await fetchBytes(script.replace('.js', '.wasm')));
  for (const library of Object.keys(spec.metadata?.shared ?? {})) {
    served[library] = sha256(await fetchBytes(`${root}/${kernel}/${library}`));
  }
  for (const [name, path] of Object.entries(spec.resources)) {
    served[name] = sha256(await fetchBytes(site + path));
  }
  const FS = new FileSystem();
  const Module = {
    FS,
    monitorRunDependencies: (_: number): void => undefined,
    addRunDependency: (): void => undefined,
    removeRunDependency: (): void => queueMicrotask(() => Module.monitorRunDependencies(0)),
  };
  const empackEnvMeta = JSON.parse(new TextDecoder().decode(await fetchBytes(`${root}/empack_env_meta.json`)));
  const pkgRootUrl = `${root}/kernel_packages`;
  const lock = empackLockToMambajsLock({ empackEnvMeta, pkgRootUrl });
  await bootstrapEmpackPackedEnvironment({ empackEnvMeta, lock, pkgRootUrl, Module });
  const names = (solved: Record<string, { name: string; version: string }>): string[] =>
    Object.values(solved).map(({ name, version }) => `${name} ${version}`);
  return {
    kernel,
    env,
    served,
    files: Object.fromEntries([...FS.files].map(([path, data]) => [path, sha256(data)])),
    packages: names(lock.packages),
    wheels: names(lock.pipPackages),
  };
}

const kernels = JSON.parse(new TextDecoder().decode(await fetchBytes(`${site}xeus/kernels.json`))) as {
  kernel: string;
  env_name: string;
}[];
const got: Got[] = [];
for (const { kernel, env_name } of kernels) {
  got.push(await start(kernel, env_name));
}
process.stdout.write(JSON.stringify(got));
