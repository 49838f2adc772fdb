import * as React from 'react';
import { LabIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Lacking } from '../lacking';
import { IAction, Notice } from './Notice';

/** There is no project: what it would be for, and a button that makes one. */
export function NoProject(props: {
  icon: LabIcon;
  trans: TranslationBundle;
  onCreate: () => void;
  children: React.ReactNode;
}): JSX.Element {
  const { icon, trans, onCreate, children } = props;
  return (
    <Notice
      icon={icon}
      title={trans.__('No project here')}
      code="jmlx init"
      action={{ label: trans.__('Create one here'), run: onCreate }}
    >
      {children}
    </Notice>
  );
}

/** Not there yet, or not to be had. */
export function Waiting(props: {
  state:
    { readonly kind: 'loading' } | { readonly kind: 'failed'; readonly message: string };
  /** What could not be done. */
  failure: string;
  trans: TranslationBundle;
  onRetry: () => void;
  /** In the place of another try. */
  mend?: IAction;
}): JSX.Element {
  const { state, failure, trans, onRetry, mend } = props;
  return state.kind === 'loading' ? (
    <div aria-busy="true" />
  ) : (
    <Notice
      alert
      title={failure}
      action={mend ?? { label: trans.__('Try again'), run: onRetry }}
    >
      {state.message}
    </Notice>
  );
}

/** Why there is nothing to show of a part of the project, and what to do. */
export function LackingNotice(props: {
  state: Lacking;
  icon: LabIcon;
  trans: TranslationBundle;
  /** What a project would be good for. */
  purpose: string;
  /** What the server does not know. */
  unknown: string;
  /** What could not be done. */
  failure: string;
  /** In the place of another try, after a failure. */
  mend?: IAction;
  onRetry: () => void;
  onCreate: () => void;
}): JSX.Element {
  const { state, icon, trans } = props;
  switch (state.kind) {
    case 'loading':
    case 'failed':
      return <Waiting {...props} state={state} />;
    case 'no-project':
      return (
        <NoProject icon={icon} trans={trans} onCreate={props.onCreate}>
          {props.purpose}
        </NoProject>
      );
    case 'no-server':
      return (
        <Notice
          alert
          title={props.unknown}
          code="pip install --upgrade jupyter-mlx"
          action={{ label: trans.__('Try again'), run: props.onRetry }}
        >
          {trans.__('Its jupyter_mlx is missing, switched off or older than this page.')}
        </Notice>
      );
  }
}
