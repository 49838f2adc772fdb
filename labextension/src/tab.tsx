/**
 * A run as a tab of the main area.
 */
import * as React from 'react';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';

import { IRunHost, RunView } from './components/run/RunView';
import { runsIcon } from './icons';
import { RunModel } from './model';

class RunContent extends ReactWidget {
  constructor(
    readonly model: RunModel,
    private readonly host: IRunHost
  ) {
    super();
    this.addClass('mlx-RunContent');
  }

  render(): JSX.Element {
    return <RunView model={this.model} host={this.host} />;
  }

  dispose(): void {
    super.dispose();
    this.model.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.visible = true;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.model.visible = this.isVisible;
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.model.visible = false;
  }
}

/** The tab; its title follows the run's name. */
export class RunTab extends MainAreaWidget<RunContent> {
  constructor(model: RunModel, host: IRunHost) {
    super({ content: new RunContent(model, host) });
    this.id = `jupyter-mlx-run-${model.id}`;
    this.addClass('mlx-RunTab');
    this.title.icon = runsIcon;
    this.title.closable = true;
    this.title.label = model.id;
    model.changed.connect(() => {
      if (model.state.kind === 'ready') {
        const { run } = model.state;
        this.title.label = run.name;
        this.title.caption = [run.name, run.kind, run.notebook]
          .filter(Boolean)
          .join('\n');
      }
    });
  }

  get model(): RunModel {
    return this.content.model;
  }
}
