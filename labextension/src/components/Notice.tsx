import * as React from 'react';
import { LabIcon } from '@jupyterlab/ui-components';

export interface IAction {
  readonly label: string;
  readonly run: () => void;
}

/** A view that has nothing to show says why, and what to do next. */
export function Notice(props: {
  icon?: LabIcon;
  title: string;
  children?: React.ReactNode;
  /** Text to type somewhere, shown as code. */
  code?: string;
  action?: IAction;
  alert?: boolean;
}): JSX.Element {
  const { icon, title, children, code, action, alert } = props;
  return (
    <div className="mlx-Notice" role={alert ? 'alert' : undefined}>
      {icon && <icon.react tag="span" className="mlx-Notice-icon" />}
      <h2 className="mlx-Notice-title">{title}</h2>
      {children && <p className="mlx-Notice-text">{children}</p>}
      {code && <pre className="mlx-Notice-code">{code}</pre>}
      {action && (
        <button
          type="button"
          className="jp-mod-styled jp-mod-accept mlx-Notice-action"
          onClick={action.run}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}
