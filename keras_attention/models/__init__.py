"""Networks of the papers, in the style of `keras.applications`.

A builder returns a functional model. Each family of networks has a module with
its builders, `preprocess_input` and `decode_predictions`.
"""

from keras_attention.models.aff_resnet import AFFResNet50
from keras_attention.models.aff_resnet import IAFFResNet50
from keras_attention.models.aff_resnet import IAFFResNeXt50
from keras_attention.models.attention_resnet import AttentionNeXt56
from keras_attention.models.attention_resnet import AttentionResNet56
from keras_attention.models.attention_resnet import AttentionResNet92
from keras_attention.models.bam_resnet import BAMResNet50
from keras_attention.models.cbam_resnet import CBAMResNet18
from keras_attention.models.cbam_resnet import CBAMResNet34
from keras_attention.models.cbam_resnet import CBAMResNet50
from keras_attention.models.cbam_resnet import CBAMResNet101
from keras_attention.models.coord_resnet import CoordResNet50
from keras_attention.models.eca_resnet import ECAResNet18
from keras_attention.models.eca_resnet import ECAResNet50
from keras_attention.models.eca_resnet import ECAResNet101
from keras_attention.models.gc_resnet import GCResNet50
from keras_attention.models.gct_resnet import GCTResNet50
from keras_attention.models.resnest import ResNeSt14
from keras_attention.models.resnest import ResNeSt26
from keras_attention.models.resnest import ResNeSt50
from keras_attention.models.resnest import ResNeSt101
from keras_attention.models.se_resnet import SENet154
from keras_attention.models.se_resnet import SEResNet18
from keras_attention.models.se_resnet import SEResNet34
from keras_attention.models.se_resnet import SEResNet50
from keras_attention.models.se_resnet import SEResNet101
from keras_attention.models.se_resnet import SEResNet152
from keras_attention.models.se_resnet import SEResNeXt50
from keras_attention.models.se_resnet import SEResNeXt101
from keras_attention.models.sge_resnet import SGEResNet50
from keras_attention.models.sge_resnet import SGEResNet101
from keras_attention.models.sk_resnet import SKNet50
from keras_attention.models.sk_resnet import SKNet101
from keras_attention.models.sk_resnet import SKResNet18
from keras_attention.models.sk_resnet import SKResNet34

__all__ = [
    "AFFResNet50",
    "AttentionNeXt56",
    "AttentionResNet56",
    "AttentionResNet92",
    "BAMResNet50",
    "CBAMResNet18",
    "CBAMResNet34",
    "CBAMResNet50",
    "CBAMResNet101",
    "CoordResNet50",
    "ECAResNet18",
    "ECAResNet50",
    "ECAResNet101",
    "GCResNet50",
    "GCTResNet50",
    "IAFFResNeXt50",
    "IAFFResNet50",
    "ResNeSt14",
    "ResNeSt26",
    "ResNeSt50",
    "ResNeSt101",
    "SENet154",
    "SEResNeXt50",
    "SEResNeXt101",
    "SEResNet18",
    "SEResNet34",
    "SEResNet50",
    "SEResNet101",
    "SEResNet152",
    "SGEResNet50",
    "SGEResNet101",
    "SKNet50",
    "SKNet101",
    "SKResNet18",
    "SKResNet34",
]
