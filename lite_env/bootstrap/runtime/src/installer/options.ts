import type { CommandLine } from './cell';
import { Refused } from './refusal';
import { splitWords } from './words';

export type Tool = 'pip' | 'conda';
export type Action = 'install' | 'remove' | 'list' | 'show';

/** What a command line asks for. */
export interface Command {
  readonly tool: Tool;
  /** As it was written. */
  readonly line: string;
  readonly action: Action;
  /** Requirements, match specs or names. */
  readonly specs: readonly string[];
  /** `-r`. */
  readonly files: readonly string[];
  /** `-c` of pip. */
  readonly constraints: readonly string[];
  readonly quiet: boolean;
  readonly upgrade: boolean;
  readonly pre: boolean;
  readonly noDeps: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
  /** `-c` of conda, in order. */
  readonly channels: readonly string[];
  readonly overrideChannels: boolean;
  readonly indexUrl: string | null;
  readonly extraIndexUrls: readonly string[];
  /** `--format` of a list. */
  readonly format: 'columns' | 'freeze' | 'json';
}

type Draft = { -readonly [Key in keyof Command]: Command[Key] extends readonly string[] ? string[] : Command[Key] };
/** What an option does; `takes` is the name of its value. */
interface Option {
  readonly takes?: string;
  set?(command: Draft, value: string): void;
}

const IGNORED: Option = {};
const QUIET: Option = { set: command => void (command.quiet = true) };
const UPGRADE: Option = { set: command => void (command.upgrade = true) };
const NO_DEPS: Option = { set: command => void (command.noDeps = true) };
const FORCE: Option = { set: command => void (command.force = true) };
const DRY_RUN: Option = { set: command => void (command.dryRun = true) };
const REQUIREMENTS: Option = { takes: 'FILE', set: (command, value) => void command.files.push(value) };

const PIP: Readonly<Record<string, Option>> = {
  '-q': QUIET,
  '-qq': QUIET,
  '-qqq': QUIET,
  '--quiet': QUIET,
  '-U': UPGRADE,
  '--upgrade': UPGRADE,
  '-r': REQUIREMENTS,
  '--requirement': REQUIREMENTS,
  '-c': { takes: 'FILE', set: (command, value) => void command.constraints.push(value) },
  '--constraint': { takes: 'FILE', set: (command, value) => void command.constraints.push(value) },
  '-i': { takes: 'URL', set: (command, value) => void (command.indexUrl = value) },
  '--index-url': { takes: 'URL', set: (command, value) => void (command.indexUrl = value) },
  '--extra-index-url': { takes: 'URL', set: (command, value) => void command.extraIndexUrls.push(value) },
  '--no-deps': NO_DEPS,
  '--no-dependencies': NO_DEPS,
  '--pre': { set: command => void (command.pre = true) },
  '--force-reinstall': FORCE,
  '--dry-run': DRY_RUN,
  '--format': { takes: 'FORMAT', set: setFormat },
  // What they are for is as it is here: no prompt, no cache, no other place, no check of a version.
  '-y': IGNORED,
  '--yes': IGNORED,
  '-v': IGNORED,
  '--verbose': IGNORED,
  '--user': IGNORED,
  '--no-input': IGNORED,
  '--no-cache-dir': IGNORED,
  '--disable-pip-version-check': IGNORED,
  '--no-warn-script-location': IGNORED,
  '--break-system-packages': IGNORED,
  '--prefer-binary': IGNORED,
  '--only-binary': { takes: 'FORMATS' },
  '--progress-bar': { takes: 'KIND' },
  '--root-user-action': { takes: 'ACTION' },
  '--upgrade-strategy': { takes: 'STRATEGY' },
};

const CONDA: Readonly<Record<string, Option>> = {
  '-q': QUIET,
  '--quiet': QUIET,
  '-U': UPGRADE,
  '--update-all': UPGRADE,
  '-c': { takes: 'CHANNEL', set: (command, value) => void command.channels.push(value) },
  '--channel': { takes: 'CHANNEL', set: (command, value) => void command.channels.push(value) },
  '--override-channels': { set: command => void (command.overrideChannels = true) },
  '-r': REQUIREMENTS,
  '-f': REQUIREMENTS,
  '--file': REQUIREMENTS,
  '--no-deps': NO_DEPS,
  '--force-reinstall': FORCE,
  '--dry-run': DRY_RUN,
  '-d': DRY_RUN,
  '--json': { set: command => void (command.format = 'json') },
  '-y': IGNORED,
  '--yes': IGNORED,
  '-v': IGNORED,
  '--verbose': IGNORED,
};

const ACTIONS: Readonly<Record<Tool, Readonly<Record<string, Action>>>> = {
  pip: { install: 'install', uninstall: 'remove', list: 'list', freeze: 'list', show: 'show' },
  conda: { install: 'install', update: 'install', upgrade: 'install', uninstall: 'remove', remove: 'remove', list: 'list' },
};

/** Read a command line. @throws Refused that names what it does not know. */
export function readCommand({ tool: name, text }: CommandLine): Command {
  const tool: Tool = name === 'pip' ? 'pip' : 'conda';
  const line = `${name} ${text}`.trim();
  const [word, ...words] = splitWords(text, line);
  const action = ACTIONS[tool][word ?? ''];
  if (word === undefined || action === undefined) {
    const known = Object.keys(ACTIONS[tool]).join(', ');
    throw new Refused(`\`${line}\` cannot be done here: a notebook's ${name} can ${known}`);
  }
  const command = draft(tool, line, action);
  command.upgrade = word === 'update' || word === 'upgrade';
  command.format = word === 'freeze' ? 'freeze' : 'columns';
  readWords(command, name, words);
  check(command);
  return command;
}

function readWords(command: Draft, name: string, words: readonly string[]): void {
  const known = command.tool === 'pip' ? PIP : CONDA;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as string;
    if (!word.startsWith('-') || word === '-') {
      command.specs.push(word);
      continue;
    }
    const [, key = word, joined] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    const short = known[key] ? null : /^-([a-zA-Z])(.+)$/.exec(word);
    const option = known[key] ?? (short ? known[`-${short[1]}`] : undefined);
    if (!option || (short && !option.takes)) {
      throw new Refused(
        `${name} in a notebook does not know "${word}"`,
        `it is in \`${command.line}\`; see "Install in a notebook" in the documentation`
      );
    }
    let value = joined ?? short?.[2];
    if (option.takes && value === undefined) {
      at += 1;
      value = words[at];
    }
    if (option.takes ? value === undefined : joined !== undefined) {
      throw new Refused(`"${key}" ${option.takes ? `lacks its ${option.takes}` : 'takes no value'} in \`${command.line}\``);
    }
    option.set?.(command, value ?? '');
  }
}

function check(command: Draft): void {
  const { action, specs, files, tool, line } = command;
  if (['install', 'remove', 'show'].includes(action) && specs.length === 0 && files.length === 0) {
    throw new Refused(
      `\`${line}\` names no package`,
      tool === 'pip' ? 'name one, or a file of requirements with -r' : 'name one'
    );
  }
}

function setFormat(command: Draft, value: string): void {
  if (value !== 'columns' && value !== 'freeze' && value !== 'json') {
    throw new Refused(`"--format" is columns, freeze or json, not "${value}"`);
  }
  command.format = value;
}

function draft(tool: Tool, line: string, action: Action): Draft {
  return {
    tool,
    line,
    action,
    specs: [],
    files: [],
    constraints: [],
    quiet: false,
    upgrade: false,
    pre: false,
    noDeps: false,
    force: false,
    dryRun: false,
    channels: [],
    overrideChannels: false,
    indexUrl: null,
    extraIndexUrls: [],
    format: 'columns',
  };
}
