/**
 * What a view shows: no DOM.
 */
import { ISignal, Signal } from '@lumino/signaling';

export abstract class Shown {
  /** Emitted after every change of what a view shows. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Somebody looks; nothing is fetched while nobody does. */
  get visible(): boolean {
    return this._visible;
  }

  set visible(visible: boolean) {
    if (visible !== this._visible) {
      this._visible = visible;
      this.emit();
      this.attend();
    }
  }

  dispose(): void {
    Signal.clearData(this);
  }

  protected emit(): void {
    this._changed.emit();
  }

  /** Begin or cease to look at the server, as `visible` has it now. */
  protected abstract attend(): void;

  private _visible = false;
  private readonly _changed = new Signal<this, void>(this);
}
