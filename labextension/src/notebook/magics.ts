/**
 * The magics in a notebook's kernel without a `%load_ext`: asked for by a
 * silent request, of which nothing shows in the notebook or its history.
 *
 * A request goes out for each life of the kernel, before the first cell of it.
 */
import type { Kernel } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

/** How tracking stands in a notebook's kernel. */
export type Tracking =
  /** No kernel, or none that we ask. */
  | { readonly kind: 'none' }
  /** Asked, and not answered: the kernel may be busy. */
  | { readonly kind: 'waiting'; readonly on: boolean }
  | { readonly kind: 'ready'; readonly on: boolean }
  /** jupyter_mlx is not installed where the kernel runs, or too old there. */
  | { readonly kind: 'missing' };

/** What we use of a session's connection to its kernel. */
export type IConnection = Pick<Kernel.IKernelConnection, 'requestExecute'>;

const KEY = 'jupyter_mlx';
const MODULE = '__import__("importlib").import_module("jupyter_mlx.magics.frontend")';
/** A cell that changes, by itself, what we show. */
const CHANGES = /^\s*%(track\s+(on|off)|(un|re)?load_ext\s+jupyter_mlx)\b/m;

export interface IMagicsHost {
  /** Whether this kernel is to have the magics: a Python kernel, in a project, and not switched off. */
  wanted(): boolean;
  /** The kernel lacks jupyter_mlx. */
  onMissing(): void;
}

/** The magics of one notebook. */
export class Magics {
  constructor(private readonly host: IMagicsHost) {}

  /** Emitted after every change of `state`. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): Tracking {
    return this._state;
  }

  /** The notebook has another connection to a kernel, or none. */
  connect(kernel: IConnection | null): void {
    this._kernel = kernel;
    this.restarted();
    this.before();
  }

  /** The kernel begins a new life, and knows nothing of the one before. */
  restarted(): void {
    this._life++;
    this._begun = false;
    this.become({ kind: 'none' });
  }

  /** A request is about to be sent: ours goes first, once in a life. */
  before(): void {
    if (!this._begun && this._kernel && this.host.wanted()) {
      this._begun = true;
      void this.ask(this._on);
    }
  }

  /** A cell was sent: see what it left behind. */
  sent(code: string): void {
    if (this._begun && CHANGES.test(code)) {
      void this.ask(null);
    }
  }

  /** Record every cell from the next one on, or no longer. */
  async track(on: boolean): Promise<void> {
    this._begun = true;
    // also where the kernel begins another life before it has answered
    this._on = on;
    await this.ask(on);
  }

  dispose(): void {
    this._life++;
    this._kernel = null;
    Signal.clearData(this);
  }

  private async ask(track: boolean | null): Promise<void> {
    if (!this._kernel) {
      return;
    }
    const life = this._life;
    const on = track ?? (this._state.kind === 'ready' && this._state.on);
    this.become({ kind: 'waiting', on });
    const given = track === null ? '' : `, track=${track ? 'True' : 'False'}`;
    const answer = await answerOf(this._kernel, `${MODULE}.begin(get_ipython()${given})`);
    if (life !== this._life || answer === null) {
      return;
    }
    if (answer === 'missing') {
      this.become({ kind: 'missing' });
      this.host.onMissing();
      return;
    }
    this._on = answer;
    this.become({ kind: 'ready', on: answer });
  }

  private become(state: Tracking): void {
    this._state = state;
    this._changed.emit();
  }

  private _kernel: IConnection | null = null;
  private _state: Tracking = { kind: 'none' };
  private _life = 0;
  private _begun = false;
  /** What a kernel is told in its next life; null leaves it as it is. */
  private _on: boolean | null = null;
  private readonly _changed = new Signal<this, void>(this);
}

/** Whether every cell is recorded; `missing` without jupyter_mlx; null where the kernel went away. */
async function answerOf(
  kernel: IConnection,
  expression: string
): Promise<boolean | 'missing' | null> {
  let content: unknown;
  try {
    const request = kernel.requestExecute({
      code: '',
      silent: true,
      store_history: false,
      allow_stdin: false,
      stop_on_error: false,
      user_expressions: { [KEY]: expression }
    });
    content = (await request.done)?.content;
  } catch {
    return null;
  }
  const { status, user_expressions: told } = content as {
    status?: string;
    user_expressions?: Record<string, IExpression>;
  };
  if (status !== 'ok') {
    return null;
  }
  const found = told?.[KEY]?.data?.['application/json'];
  return found ? Boolean(found.tracking) : 'missing';
}

interface IExpression {
  readonly status: string;
  readonly data?: { readonly 'application/json'?: { readonly tracking?: unknown } };
}
