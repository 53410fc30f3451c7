import type { Command } from './options';
import { Refused } from './refusal';

export async function runConda({ line }: Command): Promise<void> {
  throw new Refused(`\`${line}\` cannot be done here yet`);
}
