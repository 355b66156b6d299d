//! One layer, and what it is made of.

use ndarray::{Array1, Array2, Axis, Slice};

use super::layout::{Layout, Part};
use crate::ModelError;
use crate::settings::{Activation, Settings};
use crate::weights::Weights;

/// A layer: attention, then an inner network.
pub(super) struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    inner: Linear,
    output: Linear,
    output_norm: Norm,
    heads: usize,
    activation: Activation,
}

/// Rows times a matrix, plus a row.
pub(super) struct Linear {
    /// One row for each number that comes out, as files have it.
    weight: Array2<f32>,
    bias: Array1<f32>,
}

/// Rows of mean 0 and variance 1, stretched and moved.
pub(super) struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    epsilon: f32,
}

impl Layer {
    pub(super) fn read(
        number: usize,
        settings: &Settings,
        layout: &Layout,
        weights: &mut Weights,
    ) -> Result<Layer, ModelError> {
        let (width, inner, epsilon) = (settings.width, settings.inner_width, settings.epsilon);
        let name = |part| layout.part(number, part);
        let square = (width, width);
        Ok(Layer {
            query: Linear::read(&name(Part::Query), square, weights)?,
            key: Linear::read(&name(Part::Key), square, weights)?,
            value: Linear::read(&name(Part::Value), square, weights)?,
            attention_output: Linear::read(&name(Part::AttentionOutput), square, weights)?,
            attention_norm: Norm::read(&name(Part::AttentionNorm), (width, epsilon), weights)?,
            inner: Linear::read(&name(Part::Inner), (width, inner), weights)?,
            output: Linear::read(&name(Part::Output), (inner, width), weights)?,
            output_norm: Norm::read(&name(Part::OutputNorm), (width, epsilon), weights)?,
            heads: settings.heads,
            activation: settings.activation,
        })
    }

    pub(super) fn apply(&self, rows: Array2<f32>) -> Array2<f32> {
        let mut attended = self.attention_output.apply(&self.attention(&rows));
        attended += &rows;
        self.attention_norm.apply(&mut attended);
        let mut inner = self.inner.apply(&attended);
        self.activation.apply(&mut inner);
        let mut output = self.output.apply(&inner);
        output += &attended;
        self.output_norm.apply(&mut output);
        output
    }

    /// Each row becomes a mean of all rows' values, weighed by how its query fits their keys; apart for each head.
    fn attention(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut query = self.query.apply(rows);
        let key = self.key.apply(rows);
        let value = self.value.apply(rows);
        let width = rows.ncols() / self.heads;
        query *= 1.0 / (width as f32).sqrt();
        let mut attended = Array2::zeros(rows.raw_dim());
        for head in 0..self.heads {
            let columns = Slice::from(head * width..(head + 1) * width);
            let of_head = |rows: &Array2<f32>| rows.slice_axis(Axis(1), columns).to_owned();
            let mut fits = of_head(&query).dot(&of_head(&key).t());
            for row in fits.axis_iter_mut(Axis(0)) {
                softmax(row);
            }
            let mut columns = attended.slice_axis_mut(Axis(1), columns);
            columns.assign(&fits.dot(&of_head(&value)));
        }
        attended
    }
}

impl Linear {
    /// Reads a linear map from `inputs` to `outputs` numbers.
    pub(super) fn read(
        name: &str,
        (inputs, outputs): (usize, usize),
        weights: &mut Weights,
    ) -> Result<Linear, ModelError> {
        Ok(Linear {
            weight: weights.table(&[format!("{name}.weight")], (outputs, inputs))?,
            bias: weights.row(&[format!("{name}.bias")], outputs)?,
        })
    }

    pub(super) fn apply(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut output = rows.dot(&self.weight.t());
        output += &self.bias;
        output
    }
}

impl Norm {
    pub(super) fn read(
        name: &str,
        (width, epsilon): (usize, f32),
        weights: &mut Weights,
    ) -> Result<Norm, ModelError> {
        let names = |new: &str, old: &str| [format!("{name}.{new}"), format!("{name}.{old}")];
        Ok(Norm {
            weight: weights.row(&names("weight", "gamma"), width)?,
            bias: weights.row(&names("bias", "beta"), width)?,
            epsilon,
        })
    }

    pub(super) fn apply(&self, rows: &mut Array2<f32>) {
        for mut row in rows.axis_iter_mut(Axis(0)) {
            let count = row.len() as f32;
            let mean = row.sum() / count;
            row -= mean;
            let variance = row.iter().map(|number| number * number).sum::<f32>() / count;
            row *= 1.0 / (variance + self.epsilon).sqrt();
            row *= &self.weight;
            row += &self.bias;
        }
    }
}

impl Activation {
    fn apply(self, numbers: &mut Array2<f32>) {
        match self {
            Activation::Gelu => numbers.mapv_inplace(|x| {
                0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
            }),
            Activation::GeluTanh => numbers.mapv_inplace(|x| {
                let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            }),
            Activation::Relu => numbers.mapv_inplace(|x| x.max(0.0)),
        }
    }
}

/// Numbers that are positive and whose sum is 1, in the proportion of the exponentials.
pub(crate) fn softmax(mut row: ndarray::ArrayViewMut1<'_, f32>) {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.mapv_inplace(|number| (number - greatest).exp());
    let sum = row.sum();
    row /= sum;
}
