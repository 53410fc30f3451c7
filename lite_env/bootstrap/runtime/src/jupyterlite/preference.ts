/** Notebooks name the kernel that they were saved with, which a site of ours need not have: `python3` is none of it. */
import type { KernelPreference, SessionContextClass } from './host-types';
import type { LiteSite } from './site';

/** What the site has in place of a kernel that it lacks; the name itself where nobody knows. */
export function choose(
  { name, language }: KernelPreference,
  isKnown: (name: string) => boolean,
  { kernels, default: fallback }: Pick<LiteSite, 'kernels' | 'default'>
): string | undefined {
  if (!name || isKnown(name)) {
    return name;
  }
  const wanted = (language || languageOf(name)).toLowerCase();
  const ofLanguage = kernels.filter(kernel => kernel.language.toLowerCase() === wanted);
  const chosen = ofLanguage.find(kernel => kernel.name === fallback) ?? ofLanguage[0];
  return chosen?.name ?? (wanted ? undefined : fallback) ?? name;
}

/** Of the commonest names; others tell nothing. */
function languageOf(name: string): string {
  return /python|^ipykernel|^conda-/i.test(name) ? 'python' : '';
}

/** Have every notebook and console that is opened ask for what `choice` says; the application would open a dialog. */
export function mapKernels(
  { prototype }: SessionContextClass,
  choice: (preference: KernelPreference) => string | undefined
): void {
  const property = Object.getOwnPropertyDescriptor(prototype, 'kernelPreference');
  const { set: original } = property ?? {};
  if (!property || !original) {
    return; // A version that has it otherwise asks, as it does without us.
  }
  Object.defineProperty(prototype, 'kernelPreference', {
    ...property,
    set(this: unknown, preference: KernelPreference) {
      const name = choice(preference);
      original.call(this, name === undefined || name === preference.name ? preference : { ...preference, name });
    },
  });
  const { initialize } = prototype;
  if (initialize) {
    prototype.initialize = function (...told) {
      // What it was constructed with has not come by there.
      this.kernelPreference = this.kernelPreference;
      return initialize.apply(this, told);
    };
  }
}
