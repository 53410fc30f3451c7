/** Which packages an install takes: newest first, and back where they do not fit. */
import { Refused } from './refusal';
import { holds, type MarkerVariables, type Requirement } from './requirement';
import { fits, type Version } from './version';

/** One version of a package that can be had. */
export interface Candidate {
  readonly name: string;
  readonly version: Version;
  /** Whether it is there already: it stays, and what it needs is there. */
  readonly installed: boolean;
  requires(): Promise<readonly Requirement[]>;
}

/** Gives the candidates for a name, the best first. */
export interface Finder {
  /** @throws Refused that says why there is none, whatever the requirements. */
  candidates(name: string, wanted: readonly Wanted[]): Promise<readonly Candidate[]>;
}

/** A requirement and who has it. */
export interface Wanted {
  readonly requirement: Requirement;
  /** Null where the command names it. */
  readonly by: Candidate | null;
}

export interface ResolveOptions {
  readonly variables: MarkerVariables;
  readonly noDeps: boolean;
  /** Of constraint files: what is taken must fit, and nothing is taken because of them. */
  readonly constraints: readonly Requirement[];
}

/** How many candidates are tried before the search is given up. */
const TRIES = 500;

/** That what was chosen so far leaves no candidate. */
class Conflict extends Error {}

/** The candidates that were chosen, each name once, in the order in which they were met. */
export async function resolve(roots: readonly Requirement[], finder: Finder, options: ResolveOptions): Promise<Candidate[]> {
  const search = new Search(finder, options);
  const wanted = roots.filter(root => search.holds(root, [''])).map(requirement => ({ requirement, by: null }));
  try {
    const found = await search.solve(wanted, { pins: new Map(), extras: new Map(), seen: wanted });
    return [...found.pins.values()];
  } catch (error) {
    throw error instanceof Conflict
      ? new Refused(`the requirements do not fit together: ${error.message}`, CONFLICT_HINT)
      : error;
  }
}

const CONFLICT_HINT = 'ask for other versions; what the environment brings stays unless the command names it';

interface State {
  readonly pins: ReadonlyMap<string, Candidate>;
  /** Extras whose requirements were taken up. */
  readonly extras: ReadonlyMap<string, ReadonlySet<string>>;
  /** All that was wanted on the way. */
  readonly seen: readonly Wanted[];
}

class Search {
  private tries = 0;

  constructor(
    private readonly finder: Finder,
    private readonly options: ResolveOptions
  ) {}

  holds({ marker }: Requirement, extras: readonly string[]): boolean {
    return extras.some(extra => holds(marker, { ...this.options.variables, extra }));
  }

  async solve(todo: readonly Wanted[], state: State): Promise<State> {
    const [first, ...rest] = todo;
    if (!first) {
      return state;
    }
    const { name, extras } = first.requirement;
    const pinned = state.pins.get(name);
    if (pinned) {
      this.check(pinned, state.seen);
      const more = await this.needs(pinned, extras, state);
      return this.solve([...rest, ...more.wanted], more.state);
    }
    const wanted = state.seen.filter(({ requirement }) => requirement.name === name);
    let last: Conflict | null = null;
    for (const candidate of await this.finder.candidates(name, wanted)) {
      if ((this.tries += 1) > TRIES) {
        throw new Refused(`no set of packages was found after ${TRIES} tries: ${last?.message ?? name}`, CONFLICT_HINT);
      }
      try {
        this.check(candidate, state.seen);
        const pins = new Map([...state.pins, [name, candidate] as const]);
        const more = await this.needs(candidate, ['', ...extras], { ...state, pins });
        return await this.solve([...rest, ...more.wanted], more.state);
      } catch (error) {
        if (!(error instanceof Conflict)) {
          throw error;
        }
        last ??= error; // Of the best candidate: the others are second choices.
      }
    }
    throw last ?? new Conflict(`nothing fits ${describe(wanted)}`);
  }

  /** Whether a candidate fits all that is wanted of its name. */
  private check({ name, version, installed }: Candidate, seen: readonly Wanted[]): void {
    for (const { requirement, by } of seen) {
      if (requirement.name === name && !fits(version, requirement.specifiers)) {
        const who = by ? `${by.name} ${by.version.text} needs` : 'the command asks for';
        throw new Conflict(
          `${who} "${requirement.text}", and ${name} is ${version.text}${installed ? ' in the environment' : ''}`
        );
      }
    }
    const against = this.options.constraints.find(
      constraint => constraint.name === name && !fits(version, constraint.specifiers)
    );
    if (against && !installed) {
      throw new Conflict(`the constraint "${against.text}" forbids ${name} ${version.text}`);
    }
  }

  /** What a chosen candidate needs beyond what was taken up; that which is pinned is checked at once. */
  private async needs(
    candidate: Candidate,
    extras: readonly string[],
    state: State
  ): Promise<{ wanted: Wanted[]; state: State }> {
    const had = state.extras.get(candidate.name) ?? new Set();
    const fresh = extras.filter(extra => !had.has(extra));
    const isMet = this.options.noDeps || fresh.length === 0 || (candidate.installed && fresh.every(extra => extra === ''));
    const requires = isMet ? [] : await candidate.requires();
    const wanted = requires
      .filter(requirement => this.holds(requirement, fresh))
      .map(requirement => ({ requirement, by: candidate }));
    const seen = [...state.seen, ...wanted];
    for (const pin of state.pins.values()) {
      if (wanted.some(({ requirement }) => requirement.name === pin.name)) {
        this.check(pin, seen);
      }
    }
    const taken = new Map([...state.extras, [candidate.name, new Set([...had, ...fresh])] as const]);
    return { wanted, state: { pins: state.pins, extras: taken, seen } };
  }
}

function describe(wanted: readonly Wanted[]): string {
  return wanted.map(({ requirement, by }) => `"${requirement.text}"${by ? ` (of ${by.name})` : ''}`).join(', ');
}
