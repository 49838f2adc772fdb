/**
 * A run as a tab of the main area.
 */
import * as React from 'react';
import { MainAreaWidget } from '@jupyterlab/apputils';

import { IRunHost, RunView } from './components/run/RunView';
import { runsIcon } from './icons';
import { RunModel } from './model';
import { ReproductionsModel } from './run/reproductions';
import { SeenContent } from './seen';

class RunContent extends SeenContent {
  constructor(
    readonly model: RunModel,
    readonly again: ReproductionsModel,
    private readonly host: IRunHost
  ) {
    super([model, again]);
  }

  render(): JSX.Element {
    return <RunView model={this.model} again={this.again} host={this.host} />;
  }
}

/** The tab; its title follows the run's name. */
export class RunTab extends MainAreaWidget<RunContent> {
  constructor(model: RunModel, host: IRunHost) {
    super({
      content: new RunContent(model, new ReproductionsModel(model.id, host.page), host)
    });
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

  /** The run being made again. */
  get again(): ReproductionsModel {
    return this.content.again;
  }
}
