import { Action, Cancel, Content, Description, Portal, Root, Title } from '@radix-ui/react-alert-dialog';
import { useState, type ReactNode } from 'react';

export interface ConfirmDialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Labels of the buttons: `confirm` acts, `keep` closes. */
  readonly confirm: string;
  readonly keep: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/**
 * Asks for a confirmation of an action that cannot be undone. The focus stays inside, starts on the button that closes, and
 * returns to where it was; Escape closes too. Import it lazily: few visits need it.
 *
 * Radix's Overlay writes a <style> into the page, which the content security policy refuses, so the backdrop is a plain div.
 */
export default function ConfirmDialog({ title, children, confirm, keep, onConfirm, onClose }: ConfirmDialogProps) {
  const [origin] = useState(() => document.activeElement);
  const returnFocus = () => {
    if (origin instanceof HTMLElement && origin.isConnected) origin.focus();
    // The confirmed action may have removed the button.
    if (document.activeElement !== origin) document.getElementById('main')?.focus({ preventScroll: true });
  };
  return (
    <Root defaultOpen onOpenChange={(open) => !open && onClose()}>
      <Portal>
        <div className="backdrop" />
        <Content className="dialog" onCloseAutoFocus={returnFocus}>
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
