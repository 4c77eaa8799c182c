//! Lesson 6: an actor that needs something of its host, and one that copes when it is not there.

use thespian::prelude::*;

/// An order, for [`Studio`].
#[message]
pub struct Draw {
    /// Of what.
    pub what: String,
}

/// From [`Studio`] to [`Painter`]: what to draw, and for whom.
#[message]
pub struct Commission {
    /// Of what.
    pub what: String,
    /// Who gets it.
    pub client: Address,
}

/// The answer.
#[message]
pub struct Picture {
    /// How it looks.
    pub looks: String,
}

/// The other answer.
#[message]
pub struct Sorry {
    /// Why there is no picture.
    pub why: String,
}

/// Draws, on a host that has a GPU and at least 16 colors.
#[derive(Default)]
pub struct Painter;

#[actor(requires(gpu, colors >= 16))]
impl Painter {
    #[receive]
    fn draw(&mut self, order: Commission, ctx: &mut Context) -> Result {
        let colors = match ctx.capability("colors") {
            Some(Value::Integer(colors)) => *colors,
            _ => 16,
        };
        let looks = format!("a picture of {} in {colors} colors", order.what);
        ctx.send(&order.client, &Picture { looks })
    }
}

/// Takes orders, and has a [`Painter`] for them where the host can have one.
#[derive(Default)]
pub struct Studio {
    painter: Option<Address>,
}

#[actor]
impl Studio {
    #[receive]
    fn draw(&mut self, order: Draw, ctx: &mut Context) -> Result {
        let painter = match &self.painter {
            Some(painter) => painter.clone(),
            None => ctx.create::<Painter>()?,
        };
        ctx.send(&painter, &Commission { what: order.what, client: ctx.sender().clone() })?;
        self.painter = Some(painter);
        Ok(())
    }

    /// It never started, or the host no longer has what it needs. The next order tries anew.
    #[receive]
    fn painter_exited(&mut self, exit: ChildActorExited, ctx: &mut Context) {
        info!(ctx, "no painter any more: {}", exit.reason);
        self.forget(&exit.address);
    }

    /// What was sent to a painter that never started comes back, with the reason. It comes before the notice of the
    /// painter's end, and an order in between would be lost with the painter.
    #[receive]
    fn came_back(&mut self, poison: PoisonMessage, ctx: &mut Context) -> Result {
        self.forget(&poison.target);
        match poison.original.decoded::<Commission>() {
            Some(order) => ctx.send(&order?.client, &Sorry { why: poison.details }),
            None => Ok(()),
        }
    }

    fn forget(&mut self, painter: &Address) {
        if self.painter.as_ref() == Some(painter) {
            self.painter = None;
        }
    }
}

source!(Studio, Painter);

#[cfg(test)]
mod tests;
