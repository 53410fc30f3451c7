/** How far a start is, in the cell that waits for it: where no status bar shows it. */
import type { JupyterMessage } from '../protocol';
import { about } from './answers';

/** A start that is over by then needs no words. */
const AFTER_MS = 800;
const EVERY_MS = 250;

export class StartDisplay {
  private readonly begun = Date.now();
  private told = 0;
  private cell: JupyterMessage | null = null;

  constructor(private readonly say: (message: JupyterMessage) => void) {}

  /** Show the text in the first cell that waits, if one does, and not too often. */
  show(text: string, waiting: readonly JupyterMessage[], now = Date.now()): void {
    const cell = this.cell ?? waiting.find(isShown);
    if (!cell || now - this.begun < AFTER_MS || now - this.told < EVERY_MS) {
      return;
    }
    const type = this.cell ? 'update_display_data' : 'display_data';
    this.cell = cell;
    this.told = now;
    const transient = { display_id: `start ${cell.header.msg_id}` };
    this.say(about(cell, type, { data: { 'text/plain': text }, metadata: {}, transient }));
  }

  /** Leave nothing of it. */
  clear(): void {
    if (this.cell) {
      this.say(about(this.cell, 'clear_output', { wait: false }));
      this.cell = null;
    }
  }
}

/** Whether a cell of somebody's shows what it puts out. */
export function isShown({ header, content }: JupyterMessage): boolean {
  return header.msg_type === 'execute_request' && content['silent'] !== true;
}
