/**
 * What the server tells without being asked, and what it told while nobody could hear.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { Requests } from './api';
import { IChange, IStanding, SCHEMA_ID } from './wire';

/** JupyterLab asks for its own lists as often. */
const ASK_MS = 10_000;

/**
 * The changes of one server, each told at least once.
 *
 * Its event socket closes when the server restarts, a proxy idles or a laptop
 * sleeps; JupyterLab opens it anew after up to minutes, and nobody says what
 * was told meanwhile. So the server is also asked where it stands.
 */
export class Changes {
  /** Which runs changed; none named where that is not known. */
  get told(): ISignal<this, IChange> {
    return this._told;
  }

  /** An event came. */
  hear(change: IChange): void {
    this.seq = change.seq;
    this._told.emit(change);
  }

  /** Anything may have changed. */
  miss(): void {
    this._told.emit({ seq: 0, runs: [] });
  }

  /** The server said where it stands: tell it where that was not heard. */
  compare(now: IStanding): void {
    const { last } = this;
    this.last = now;
    const isOther = last !== null && now.project !== last.project;
    // an answer on its way may be older than an event
    const isAhead = now.seq > this.seq;
    this.seq = isAhead || isOther ? now.seq : this.seq;
    if (last && (isAhead || isOther || now.jobs !== last.jobs)) {
      this.miss();
    }
  }

  private seq = 0;
  private last: IStanding | null = null;
  private readonly _told = new Signal<this, IChange>(this);
}

/** One for all the views of an application. */
const all = new WeakMap<JupyterFrontEnd, Changes>();

/** Hear of runs that change, from whatever process; also, with no run named, when that may have been missed. */
export function onChange(app: JupyterFrontEnd, note: (change: IChange) => void): void {
  const changes = all.get(app) ?? listen(app);
  changes.told.connect((_, change) => note(change));
}

function listen(app: JupyterFrontEnd): Changes {
  const changes = new Changes();
  all.set(app, changes);
  const { serviceManager } = app;
  serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id === SCHEMA_ID) {
      changes.hear(event as unknown as IChange);
    }
  });
  serviceManager.connectionFailure.connect(() => changes.miss());
  const server = new Requests(serviceManager.serverSettings);
  new Poll({
    name: 'jupyter-mlx:changes',
    frequency: { interval: ASK_MS, backoff: false },
    standby: 'when-hidden',
    factory: async () => changes.compare(await server.standing())
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) {
      changes.miss();
    }
  });
  return changes;
}
