/** Entry of installer.js, which the kernel's worker loads when a cell first holds an install command. */
import { PLACE, type InstallCell, type Installer } from '../session/install';
import { splitCell } from './cell';
import { runConda } from './conda';
import { readCommand } from './options';
import { runPip } from './pip';

const installer: Installer = {
  async run(cell: InstallCell): Promise<string> {
    const { commands, rest, captured } = splitCell(cell.code, cell.kernel.kernel.language);
    const read = commands.map(readCommand);
    const quiet: InstallCell = { ...cell, signal: cell.signal, say: (name, text) => captured || cell.say(name, text) };
    for (const command of read) {
      const means = { fetch: (url: string, init?: RequestInit) => fetch(url, init) };
      await (command.tool === 'pip' ? runPip(command, quiet, means) : runConda(command, quiet));
    }
    return rest;
  },
};
(globalThis as Record<string, unknown>)[PLACE] = installer;
