import { fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

// JobEvent is what this program reads of a job's event. There are more fields,
// and there may come others.
export interface JobEvent {
  id: string;
  type: string;
  data: { job: string; kind: string; state: string; report: { total: number; failed: number } };
}

// remembered is how long an event may come again: seven days, as long as the
// stream and the outbox have it, and one more.
const remembered = 8 * 24 * 60 * 60 * 1_000;

// EndedEvents is a file with a line for each event that was handled, which
// here is the work as well. Work in a database keeps the ids in a table, and adds
// to it in the transaction of the work.
export class EndedEvents {
  readonly #file: number;
  readonly #ids = new Set<string>();
  #size: number; // of its whole lines

  constructor(path: string) {
    this.#file = openSync(path, "a");
    const content = readFileSync(path);
    // A line without its end was being written when the program was killed; its
    // event was not acknowledged, and comes again.
    this.#size = content.lastIndexOf("\n") + 1;
    ftruncateSync(this.#file, this.#size);
    for (const line of content.subarray(0, this.#size).toString().split("\n")) {
      const [at = "", id] = line.split("\t");
      if (id !== undefined && Date.now() - Date.parse(at) < remembered) {
        this.#ids.add(id);
      }
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  // add returns when the line is on the disk, since the event is acknowledged
  // then. A line that is not is taken back: its event comes again.
  add(id: string, said: string): void {
    const line = Buffer.from(`${new Date().toISOString()}\t${id}\t${said}\n`);
    try {
      for (let at = 0; at < line.length; ) {
        at += writeSync(this.#file, line, at);
      }
      fsyncSync(this.#file);
    } catch (error) {
      ftruncateSync(this.#file, this.#size);
      throw error;
    }
    this.#size += line.length;
    this.#ids.add(id);
  }
}
