import { Component, type ReactNode } from 'react';

interface State {
  broken: boolean;
}

/** A page that breaks takes nothing else with it. */
export class Boundary extends Component<{ children: ReactNode }, State> {
  override state: State = { broken: false };

  static getDerivedStateFromError(): State {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <div className="notice error row" role="alert">
        <p>This page broke. Your tasks are not touched by it.</p>
        <button type="button" onClick={() => location.reload()}>
          Open it again
        </button>
      </div>
    );
  }
}
