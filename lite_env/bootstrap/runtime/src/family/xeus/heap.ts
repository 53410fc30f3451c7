/**
 * The memory of a module and what its instance exports, whatever its script shows of them: that of 4.x shows nothing,
 * earlier ones have some names on the module, under an underscore.
 */
export class Heap {
  private constructor(
    readonly memory: WebAssembly.Memory | null,
    private readonly exports: WebAssembly.Exports,
    /** Where the main module's own data lie. */
    private readonly base: number,
    private readonly shown: Readonly<Record<string, unknown>>
  ) {}

  /** Of an instance, and of the module that its script has made of it. */
  static of(
    imports: WebAssembly.Imports,
    instance: WebAssembly.Instance,
    code: WebAssembly.Module,
    shown: object
  ): Heap {
    const base = imports['env']?.['__memory_base'];
    const offset = base instanceof WebAssembly.Global ? Number(base.value) : 0;
    return new Heap(memoryOf(imports, instance, code), instance.exports, offset, shown as Record<string, unknown>);
  }

  /** Of a script that has instantiated by itself. */
  static none(shown: object): Heap {
    return new Heap(null, {}, 0, shown as Record<string, unknown>);
  }

  /** All bytes, as they lie now: a view that was made before the memory grew shows none of them. */
  bytes(): Uint8Array | null {
    return this.memory && new Uint8Array(this.memory.buffer);
  }

  /** A C function. */
  function(name: string): ((...numbers: number[]) => number) | null {
    const found = this.shown[`_${name}`] ?? this.exports[name];
    return typeof found === 'function' ? (found as (...numbers: number[]) => number) : null;
  }

  /** The address of a C variable. */
  address(name: string): number | null {
    const known = this.shown[`_${name}`];
    if (typeof known === 'number') {
      return known;
    }
    const symbol = this.exports[name];
    return symbol instanceof WebAssembly.Global ? Number(symbol.value) + this.base : null;
  }

  /** Write a 32-bit number at an address; whether there is memory to write to. */
  store(address: number, value: number): boolean {
    const bytes = this.bytes();
    if (bytes) {
      new DataView(bytes.buffer).setInt32(address, value, true);
    }
    return bytes !== null;
  }
}

/**
 * Imported or exported, by its name or by one that a minifier gave it. No other import may be looked at: the linker's
 * tables make an entry of each name that is read.
 */
function memoryOf(
  imports: WebAssembly.Imports,
  { exports }: WebAssembly.Instance,
  code: WebAssembly.Module
): WebAssembly.Memory | null {
  const isMemory = (value: unknown): value is WebAssembly.Memory => value instanceof WebAssembly.Memory;
  const named = imports['env']?.['memory'];
  if (isMemory(named)) {
    return named;
  }
  const imported = WebAssembly.Module.imports(code).find(({ kind }) => kind === 'memory');
  const found = imported ? imports[imported.module]?.[imported.name] : Object.values(exports).find(isMemory);
  return isMemory(found) ? found : null;
}
