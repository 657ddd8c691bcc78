import { Action, Cancel, Content, Description, Portal, Root, Title } from '@radix-ui/react-alert-dialog';
import { useState, type ReactNode } from 'react';

export interface ConfirmDialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** What the buttons say. */
  readonly confirm: string;
  readonly keep: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/**
 * Asks before what cannot be undone. The focus stays inside, starts on the harmless answer, and goes back where it came
 * from; Escape is that answer too. Import it lazily: a page needs it only when somebody asks.
 *
 * Radix's own Overlay writes a <style> into the page, which the content security policy refuses, so the backdrop is ours.
 */
export default function ConfirmDialog({ title, children, confirm, keep, onConfirm, onClose }: ConfirmDialogProps) {
  const [origin] = useState(() => document.activeElement);
  const focusBack = () => {
    if (origin instanceof HTMLElement && origin.isConnected) origin.focus();
    // What was confirmed may have taken the button with it.
    if (document.activeElement !== origin) document.getElementById('main')?.focus({ preventScroll: true });
  };
  return (
    <Root defaultOpen onOpenChange={(open) => !open && onClose()}>
      <Portal>
        <div className="backdrop" />
        <Content className="dialog" onCloseAutoFocus={focusBack}>
          <Title>{title}</Title>
          <Description asChild>
            <div>{children}</div>
          </Description>
          <div className="dialog-buttons">
            <Cancel className="quiet">{keep}</Cancel>
            <Action className="danger" onClick={onConfirm}>
              {confirm}
            </Action>
          </div>
        </Content>
      </Portal>
    </Root>
  );
}
