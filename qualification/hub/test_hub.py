"""`attach` and `grad_cam` for small networks and tasks of keras-hub."""

import keras
import keras_hub
import numpy as np
import pytest

import keras_attention

hub = keras_hub.models

pytestmark = [
    # Warnings of Keras and keras-hub, and of `attach` about existing gates.
    pytest.mark.filterwarnings("ignore"),
]


def resnet(blocks=2, size=32):
    return hub.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64] * blocks,
        stackwise_num_blocks=[1] * blocks,
        stackwise_num_strides=[1] + [2] * (blocks - 1),
        block_type="basic_block",
        image_shape=(size, size, 3),
    )


def efficient_net(block="v1"):
    return hub.EfficientNetBackbone(
        stackwise_kernel_sizes=[3, 3],
        stackwise_num_repeats=[1, 2],
        stackwise_input_filters=[8, 8],
        stackwise_output_filters=[8, 16],
        stackwise_expansion_ratios=[1, 4],
        stackwise_strides=[1, 2],
        stackwise_squeeze_and_excite_ratios=[0.25, 0.25],
        width_coefficient=1.0,
        depth_coefficient=1.0,
        stackwise_block_types=[block, block],
        image_shape=(32, 32, 3),
    )


def mobile_net():
    return hub.MobileNetBackbone(
        stackwise_expansion=[[8], [16, 16]],
        stackwise_num_blocks=[1, 2],
        stackwise_num_filters=[[8], [16, 16]],
        stackwise_kernel_size=[[3], [3, 3]],
        stackwise_num_strides=[[2], [2, 1]],
        stackwise_se_ratio=[[0.25], [None, 0.25]],
        stackwise_activation=[["relu"], ["hard_swish", "hard_swish"]],
        stackwise_padding=[[1], [1, 1]],
        output_num_filters=32,
        input_activation="hard_swish",
        output_activation="hard_swish",
        input_num_filters=8,
        image_shape=(32, 32, 3),
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        squeeze_and_excite=0.5,
        last_layer_filter=32,
    )


def mobile_net_v5():
    return hub.MobileNetV5Backbone(
        stackwise_block_types=[["er"], ["uir"]],
        stackwise_num_blocks=[1, 1],
        stackwise_num_filters=[[8], [16]],
        stackwise_strides=[[2], [2]],
        stackwise_act_layers=[["relu"], ["relu"]],
        stackwise_exp_ratios=[[4.0], [6.0]],
        stackwise_se_ratios=[[0.0], [0.0]],
        stackwise_dw_kernel_sizes=[[0], [5]],
        stackwise_dw_start_kernel_sizes=[[0], [0]],
        stackwise_dw_end_kernel_sizes=[[0], [0]],
        stackwise_exp_kernel_sizes=[[3], [0]],
        stackwise_pw_kernel_sizes=[[1], [0]],
        stackwise_num_heads=[[0], [0]],
        stackwise_key_dims=[[0], [0]],
        stackwise_value_dims=[[0], [0]],
        stackwise_kv_strides=[[0], [0]],
        stackwise_use_cpe=[[False], [False]],
        filters=[4],
        stem_size=8,
        num_features=32,
        use_msfa=False,
        image_shape=(32, 32, 3),
    )


BACKBONES = {
    "ResNet": resnet,
    "EfficientNet": efficient_net,
    "EfficientNetV2": lambda: efficient_net("fused"),
    "MobileNet": mobile_net,
    "MobileNetV5": mobile_net_v5,
    "DenseNet": lambda: hub.DenseNetBackbone(
        [2, 2], compression_ratio=0.5, growth_rate=4, image_shape=(32, 32, 3)
    ),
    "CSPNet": lambda: hub.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=1,
        stackwise_depth=[1, 1],
        stackwise_strides=[1, 2],
        stackwise_num_filters=[8, 16],
        image_shape=(32, 32, 3),
        block_type="dark_block",
        stage_type="dark",
    ),
    "Xception": lambda: hub.XceptionBackbone(
        stackwise_conv_filters=[[8, 8], [16, 16]],
        stackwise_pooling=[True, False],
        image_shape=(48, 48, 3),
    ),
    "VGG": lambda: hub.VGGBackbone([1, 1], [8, 8], image_shape=(32, 32, 3)),
    "ViTDet": lambda: hub.ViTDetBackbone(
        hidden_size=16,
        num_layers=1,
        intermediate_dim=32,
        num_heads=2,
        global_attention_layer_indices=[0],
        patch_size=8,
        num_output_channels=4,
        window_size=2,
        image_shape=(32, 32, 3),
    ),
    "RetinaNet": lambda: hub.RetinaNetBackbone(
        image_encoder=resnet(4, 64),
        min_level=3,
        max_level=4,
        use_p5=False,
        image_shape=(64, 64, 3),
    ),
}
# These networks have layers that cannot be made from their configs.
BROKEN = {
    "ViT": lambda: hub.ViTBackbone(
        image_shape=(32, 32, 3),
        patch_size=8,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
    ),
    "DeiT": lambda: hub.DeiTBackbone(
        image_shape=(32, 32, 3),
        patch_size=8,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
    ),
    "Swin": lambda: hub.SwinTransformerBackbone(
        image_shape=(32, 32, 3),
        patch_size=4,
        embed_dim=8,
        depths=[1, 1],
        num_heads=[1, 2],
        window_size=2,
    ),
}


def se():
    return keras_attention.SqueezeExcite(4, activation="silu")


def images(model, count=2):
    shape = keras.tree.flatten(model.inputs)[0].shape[1:]
    shape = [32 if size is None else size for size in shape]
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (count, *shape)).astype("float32")


def difference(outputs, others):
    return max(
        float(
            np.abs(
                keras.ops.convert_to_numpy(y) - keras.ops.convert_to_numpy(z)
            ).max()
        )
        for y, z in zip(
            keras.tree.flatten(outputs), keras.tree.flatten(others), strict=True
        )
    )


def insertion_points(model):
    return keras_attention.branch_ends(model) or keras_attention.stage_ends(
        model
    )


@pytest.mark.parametrize("name", BACKBONES)
def test_upgraded_backbones_compute_the_same(name, tmp_path):
    backbone = BACKBONES[name]()
    x = images(backbone) / 255
    new = keras_attention.attach(backbone, se(), insertion_points(backbone))
    assert difference(new(x), backbone(x)) == 0
    new.save(tmp_path / "new.keras")
    loaded = keras.saving.load_model(tmp_path / "new.keras")
    assert difference(loaded(x), new(x)) == 0
    y = keras.tree.flatten(new.output)[0]
    y = keras.layers.GlobalAveragePooling2D()(y)
    y = keras.layers.Dense(3, activation="softmax")(y)
    classifier = keras.Model(new.input, y)
    classifier.compile("sgd", "sparse_categorical_crossentropy")
    classifier.fit(x, np.arange(2), verbose=0)
    maps = keras_attention.attention_maps(classifier, x)
    assert len(maps) == len(insertion_points(backbone))
    path = next(iter(maps))
    heat = keras_attention.grad_cam(classifier, x, layers=[path])
    assert np.isfinite(next(iter(heat.values()))).all()


@pytest.mark.parametrize("name", BROKEN)
def test_layers_without_a_usable_config_raise(name):
    backbone = BROKEN[name]()
    with pytest.raises(ValueError, match=r"from_config.*Received: layer=<"):
        keras_attention.attach(backbone, se(), [backbone.layers[1].name])


def classifier(preprocess=True):
    converter = keras_hub.layers.ResNetImageConverter(
        image_size=(32, 32), scale=1 / 255
    )
    return hub.ImageClassifier(
        backbone=resnet(),
        num_classes=3,
        preprocessor=hub.ResNetImageClassifierPreprocessor(
            image_converter=converter
        )
        if preprocess
        else None,
    )


@pytest.mark.parametrize("preprocess", [False, True])
def test_upgraded_classifier_keeps_its_preprocessing(preprocess, tmp_path):
    task = classifier(preprocess)
    x = images(task)
    new = keras_attention.attach(task, se(), insertion_points(task))
    assert type(new) is type(task)
    assert difference(new.predict(x), task.predict(x)) < 1e-6
    bare = difference(new(x), task.predict(x))
    assert (bare > 1e-3) == preprocess
    new.fit(x, np.arange(2), verbose=0)
    new.save(tmp_path / "task.keras")
    loaded = keras.saving.load_model(tmp_path / "task.keras")
    assert type(loaded) is type(task)
    assert difference(loaded.predict(x), new.predict(x)) < 1e-6
    assert len(keras_attention.attention_maps(new, x)) == 2
    heat = keras_attention.grad_cam(new, x, layers=[insertion_points(task)[-1]])
    assert np.isfinite(next(iter(heat.values()))).all()


def test_classifier_with_an_upgraded_backbone_trains():
    backbone = resnet()
    new = keras_attention.attach(backbone, se(), insertion_points(backbone))
    task = hub.ImageClassifier(backbone=new, num_classes=3)
    x = images(task)
    task.fit(x, np.arange(2), verbose=0)
    assert len(keras_attention.attention_maps(task, x)) == 2


def test_attaching_to_the_head_of_a_task_raises():
    message = r"ImageClassifier overrides .*predict.* pass `model\.backbone`"
    with pytest.raises(ValueError, match=message):
        keras_attention.attach(classifier(), se(), ["predictions"])


def test_attaching_to_a_detector_raises():
    backbone = BACKBONES["RetinaNet"]()
    detector = hub.RetinaNetObjectDetector(
        backbone=backbone, num_classes=2, bounding_box_format="yxyx"
    )
    message = "RetinaNetObjectDetector overrides .*compute_loss.*predict_step"
    with pytest.raises(ValueError, match=message):
        keras_attention.attach(detector, se(), insertion_points(detector))
    graph = keras.Model(detector.input, detector.output)
    new = keras_attention.attach(graph, se(), insertion_points(graph))
    x = images(graph)
    assert difference(new(x), graph(x)) == 0
