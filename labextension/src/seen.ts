/**
 * Widgets that let their models rest while nobody sees them.
 */
import { LabIcon, ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';

/** What is kept up to date while it is seen. */
export interface ISeen {
  visible: boolean;
}

export abstract class Seen extends ReactWidget {
  constructor(private readonly seen: readonly ISeen[]) {
    super();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.note(true);
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.note(this.isVisible);
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.note(false);
  }

  protected onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.note(false);
  }

  private note(isVisible: boolean): void {
    this.seen.forEach(model => (model.visible = isVisible));
  }
}

/** Content of a tab; its models end with it. */
export abstract class SeenContent extends Seen {
  constructor(private readonly models: readonly (ISeen & { dispose(): void })[]) {
    super(models);
    this.addClass('mlx-RunContent');
  }

  dispose(): void {
    super.dispose();
    this.models.forEach(model => model.dispose());
  }
}

/** A panel of the side bar; its model outlives it. */
export abstract class SidePanel extends Seen {
  constructor(id: string, title: string, icon: LabIcon, model: ISeen) {
    super([model]);
    this.id = id;
    this.addClass('mlx-Panel');
    this.title.icon = icon;
    this.title.caption = title;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', title);
  }

  /** Which element is given the focus. */
  protected abstract readonly first: string;

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector<HTMLElement>(this.first)?.focus();
  }
}
